use std::path::Path;

use hookseal::Secret;

use super::{InputError, file::bounded};
use crate::{cli::SecretArgs, limits, ports::Environment};

/// The secrets that were given: values first, then files, then variables.
pub(crate) fn secrets(
    arguments: &SecretArgs,
    environment: &dyn Environment,
) -> Result<Vec<Secret>, InputError> {
    let mut secrets: Vec<Secret> =
        arguments.values.iter().map(|value| Secret::new(value.as_encoded_bytes())).collect();
    for path in &arguments.files {
        secrets.push(from_file(path)?);
    }
    for name in &arguments.variables {
        let value =
            environment.value(name).ok_or_else(|| InputError::UnsetVariable { name: name.clone() })?;
        secrets.push(Secret::new(value.into_encoded_bytes()));
    }
    Ok(secrets)
}

/// Editors and `echo` end a file with a line break that is no part of the secret, so one is taken off.
fn from_file(path: &Path) -> Result<Secret, InputError> {
    let bytes = bounded(path, limits::SECRET_FILE_BYTES_MAX)?;
    let without_lf = bytes.strip_suffix(b"\n");
    let without_break = without_lf.map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    Ok(Secret::new(without_break.unwrap_or(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_line_break_off_a_file() {
        for (bytes, secret) in [
            (&b"s"[..], &b"s"[..]),
            (b"s\n", b"s"),
            (b"s\r\n", b"s"),
            (b"s\n\n", b"s\n"),
            (b"s\r", b"s\r"),
            (b" s \n", b" s "),
            (b"\n", b""),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            assert_eq!(from_file(file.path()).unwrap().expose(), secret, "{bytes:?}");
        }
    }
}

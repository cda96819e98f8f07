use std::ffi::OsString;

use super::InputError;

/// Header lines as pairs of name and value. The values are bytes: HTTP does not say that they are text.
pub(crate) fn headers(arguments: &[OsString]) -> Result<Vec<(String, Vec<u8>)>, InputError> {
    let read = |(index, argument): (usize, &OsString)| {
        split(argument.as_encoded_bytes()).ok_or(InputError::Header { number: index + 1 })
    };
    arguments.iter().enumerate().map(read).collect()
}

/// A line's name and value; nothing where it has no `:`, or no name before it.
pub(super) fn split(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (trim(&line[..colon]), trim(&line[colon + 1..]));
    let name = str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}

/// Without the spaces and tabs around it (RFC 9110 section 5.5).
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_colon_and_trims_around() {
        for (line, name, value) in [
            ("X-A: b", "X-A", "b"),
            ("x-a:b:c", "x-a", "b:c"),
            ("  x-a  :\t b  c \t", "x-a", "b  c"),
            ("x-empty:", "x-empty", ""),
            ("x-empty:   ", "x-empty", ""),
            ("x-name: Zoë 東京", "x-name", "Zoë 東京"),
            ("-x: -y", "-x", "-y"),
        ] {
            assert_eq!(split(line.as_bytes()), Some((name.to_owned(), value.as_bytes().to_vec())), "{line}");
        }
    }

    #[test]
    fn refuses_lines_without_a_name() {
        for line in ["", "x-a b", ": b", "   : b"] {
            assert_eq!(split(line.as_bytes()), None, "{line}");
        }
        assert_eq!(split(b"\xff: b"), None);
    }

    #[test]
    fn says_which_one_is_wrong_and_not_what_it_holds() {
        let error = headers(&["a: b".into(), "authorization Bearer hs_live_x".into()]).unwrap_err();
        assert_eq!(error.to_string(), "header 2 is not of the form `name: value`");
    }
}

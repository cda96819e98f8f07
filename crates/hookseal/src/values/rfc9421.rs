//! The signature base of HTTP Message Signatures (RFC 9421 section 2.5).

use super::Values;
use crate::error::{ErrorKind, VerifyError};
use crate::request::trim;
use crate::signature_input::SignatureInput;

pub(super) fn emit(values: &Values<'_>, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    let malformed =
        || VerifyError::at(ErrorKind::MalformedSignature, "signature-input", "a list of components");
    let text = std::str::from_utf8(values.header_names).map_err(|_| malformed())?;
    let input = SignatureInput::parse(text).ok_or_else(malformed)?;
    for name in input.components() {
        write(b"\"");
        write(name.as_bytes());
        write(b"\": ");
        emit_component(values, name, write)?;
        write(b"\n");
    }
    write(b"\"@signature-params\": ");
    write(text.as_bytes());
    Ok(())
}

fn emit_component(values: &Values<'_>, name: &str, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    let url = Url::split(values.url());
    match name {
        "@method" => write(values.request.method.as_bytes()),
        "@target-uri" => write(values.url().as_bytes()),
        "@scheme" => write(url.scheme.to_ascii_lowercase().as_bytes()),
        "@authority" => write(url.authority().as_bytes()),
        "@path" => write(url.path.as_bytes()),
        "@request-target" => {
            write(url.path.as_bytes());
            if !url.query.is_empty() {
                write(b"?");
                write(url.query.as_bytes());
            }
        }
        "@query" => {
            write(b"?");
            write(url.query.as_bytes());
        }
        name if name.starts_with('@') => {
            let problem = "a derived component that the library does not know is covered";
            return Err(VerifyError::at(ErrorKind::MalformedSignature, "signature-input", problem));
        }
        name => emit_field(values, name, write)?,
    }
    Ok(())
}

/// The lines of a field, trimmed and joined (section 2.1).
fn emit_field(values: &Values<'_>, name: &str, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    let mut lines: Vec<&[u8]> = Vec::new();
    values.request.headers.lines(name, &mut |line| lines.push(trim(line)));
    if lines.is_empty() {
        return Err(super::missing(name).unplaced());
    }
    write(&lines.join(&b", "[..]));
    Ok(())
}

/// The parts of an absolute URL.
struct Url<'u> {
    scheme: &'u str,
    authority: &'u str,
    /// At least `/`.
    path: &'u str,
    query: &'u str,
}

impl<'u> Url<'u> {
    fn split(url: &'u str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let rest = rest.split('#').next().unwrap_or_default();
        let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) =
            before_query.find('/').map_or((before_query, "/"), |at| before_query.split_at(at));
        Self { scheme, authority, path, query }
    }

    /// In lower case and without the scheme's own port (section 2.2.3).
    fn authority(&self) -> String {
        let authority = self.authority.to_ascii_lowercase();
        let port = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        authority.strip_suffix(port).map_or(authority.clone(), str::to_owned)
    }
}

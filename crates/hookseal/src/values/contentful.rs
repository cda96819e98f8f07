//! Contentful's canonical request, after `src/requests` of contentful/node-apps-toolkit: method, path, the headers
//! that the request lists, and the body, joined by line feeds.

use super::Values;
use crate::error::{ErrorKind, VerifyError};

const SIGNED_HEADERS: &str = "x-contentful-signed-headers";

pub(super) fn emit(values: &Values<'_>, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    write(values.request.method.as_bytes());
    write(b"\n");
    write(path(values.url()).as_bytes());
    write(b"\n");
    for (index, name) in header_names(values)?.iter().enumerate() {
        if index > 0 {
            write(b";");
        }
        write(name.as_bytes());
        write(b":");
        write(values.header(name).map_err(VerifyError::unplaced)?);
    }
    write(b"\n");
    values.reading.feed(values.request.body, write);
    Ok(())
}

/// The names in lower case, sorted; the list and the timestamp are always among them.
fn header_names(values: &Values<'_>) -> Result<Vec<String>, VerifyError> {
    let list = values.header(SIGNED_HEADERS)?;
    let list = std::str::from_utf8(list)
        .map_err(|_| VerifyError::at(ErrorKind::MalformedSignature, SIGNED_HEADERS, "the names are ASCII"))?;
    let mut names: Vec<String> = list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    for needed in [SIGNED_HEADERS, "x-contentful-timestamp"] {
        if !names.iter().any(|name| name == needed) {
            return Err(VerifyError::at(
                ErrorKind::InsufficientCoverage,
                needed,
                "the header is to be signed",
            ));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The path and query of an absolute URL.
fn path(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    url[after_scheme..].find('/').map_or("/", |at| &url[after_scheme + at..])
}

//! The headers that a signature covers: those that signing writes, those of the message, and the list of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{ErrorKind, SignError, VerifyError};
use crate::key;
use crate::params::Params;
use crate::request::Headers;
use crate::scheme::{Algorithm, Coverage, DigestKind, InputParameter, Piece, Scheme, Value};
use crate::signed_headers::SignedHeaders;

/// The headers of a request that is about to be sent.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) written: &'a SignedHeaders,
    /// How many lines of `written` belong to something else.
    pub(super) from: usize,
    pub(super) message: &'a [(&'a str, &'a str)],
}

impl Headers for Sent<'_> {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        let is_it = |(line, value): (&'h str, &'h str)| line.eq_ignore_ascii_case(name).then_some(value);
        let mut written = self.written.iter().skip(self.from).filter_map(is_it).peekable();
        // What signing writes is what is sent, whatever the message has under the same name.
        if written.peek().is_some() {
            return written.for_each(|value| found(value.as_bytes()));
        }
        self.message.iter().copied().filter_map(is_it).for_each(|value| found(value.as_bytes()));
    }
}

impl Sent<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        let mut any = false;
        self.lines(name, &mut |_| any = true);
        any
    }
}

/// Whether what is signed holds values of headers.
pub(super) fn needs_headers(scheme: &Scheme) -> bool {
    let needs = |piece: &Piece| match piece {
        Piece::Value(
            Value::Header(_) | Value::SignedHeaderNames | Value::SignedHeaderValues | Value::Canonical(_),
        ) => true,
        Piece::Value(_) | Piece::Literal(_) => false,
    };
    scheme.content.iter().any(needs)
}

/// The value of `content-digest` (RFC 9530 section 2).
pub(super) fn content_digest(body: &[u8]) -> String {
    let digest = key::digest(DigestKind::Sha256, |running| running.update(body));
    format!("sha-256=:{}:", STANDARD.encode(digest.as_bytes()))
}

impl Coverage {
    /// What of this the message has; what it always covers and is not there is an error.
    fn names<'c>(&'c self, sent: &Sent<'_>) -> Result<Vec<&'c str>, SignError> {
        let is_there = |name: &str| name.starts_with('@') || sent.has(name);
        if let Some(missing) = self.always.iter().find(|name| !is_there(name)) {
            let problem = "the header is covered and has to be there";
            return Err(SignError::Content(VerifyError::at(ErrorKind::MissingField, missing, problem)));
        }
        let optional = self.if_present.iter().filter(|name| is_there(name) && !self.always.contains(name));
        Ok(self.always.iter().chain(optional).map(String::as_str).collect())
    }

    /// The names with spaces between them.
    pub(super) fn list(&self, sent: &Sent<'_>) -> Result<String, SignError> {
        Ok(self.names(sent)?.join(" "))
    }

    /// The value of a member of `signature-input` (RFC 9421 section 4.1).
    pub(super) fn input(
        &self,
        sent: &Sent<'_>,
        created: &str,
        algorithm: Algorithm,
        params: &Params,
    ) -> Result<String, SignError> {
        let names: Vec<String> = self.names(sent)?.iter().map(|name| format!("\"{name}\"")).collect();
        let mut input = format!("({})", names.join(" "));
        for parameter in &self.parameters {
            match parameter {
                InputParameter::Created => input.extend([";created=", created]),
                InputParameter::KeyId => {
                    if let Some(id) = params.text("keyid") {
                        input.extend([";keyid=", &quoted(id)?]);
                    }
                }
                InputParameter::Algorithm => {
                    if let Some(name) = algorithm.registered_name() {
                        input.extend([";alg=\"", name, "\""]);
                    }
                }
            }
        }
        Ok(input)
    }
}

/// A string of a structured field (RFC 9651 section 3.3.3).
fn quoted(text: &str) -> Result<String, SignError> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(SignError::NotVisibleAscii { what: "parameter `keyid`" });
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

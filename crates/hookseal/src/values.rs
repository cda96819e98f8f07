//! The signed content, written piece by piece into whatever computes the signature: nothing is put together first.

pub(crate) mod adyen;
mod contentful;
mod rfc9421;
mod sns;

use crate::body::BodyReading;
use crate::document::Document;
use crate::error::{ErrorKind, VerifyError};
use crate::key;
use crate::params::Params;
use crate::request::{Line, Request};
use crate::scheme::{Canonical, DigestKind, Encoding, Piece, Value};
use crate::secret::Secret;

/// What the references of a signed content stand for.
#[derive(Clone, Copy)]
pub(crate) struct Values<'v> {
    /// The timestamp as it is written.
    pub(crate) timestamp: &'v [u8],
    pub(crate) id: &'v [u8],
    /// The list of header names that the signature header gives.
    pub(crate) header_names: &'v [u8],
    pub(crate) request: Request<'v>,
    pub(crate) document: &'v Document<'v>,
    pub(crate) reading: BodyReading,
    pub(crate) params: &'v Params,
    /// The secret of a plain digest.
    pub(crate) secret: Option<&'v Secret>,
}

/// A signed content: its pieces, and what stands for them.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'s> {
    pub(crate) content: &'s [Piece],
    pub(crate) values: &'s Values<'s>,
}

impl key::Content for Signed<'_> {
    type Error = VerifyError;

    #[inline]
    fn write(self, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
        self.values.emit(self.content, write)
    }
}

impl Values<'_> {
    /// Calls `write` with the bytes of the content, in order.
    #[inline]
    pub(crate) fn emit(&self, content: &[Piece], write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
        for piece in content {
            match piece {
                Piece::Literal(bytes) => write(bytes),
                Piece::Value(Value::Body) => self.reading.feed(self.request.body, write),
                Piece::Value(Value::Timestamp) => write(self.timestamp),
                Piece::Value(Value::Id) => write(self.id),
                Piece::Value(value) => self.emit_rare(value, write)?,
            }
        }
        Ok(())
    }

    /// Once for all that write, as `emit` is there for each.
    fn emit_rare(&self, value: &Value, write: &mut dyn FnMut(&[u8])) -> Result<(), VerifyError> {
        let write = &mut |bytes: &[u8]| write(bytes);
        match value {
            Value::Timestamp | Value::Id | Value::Body => {}
            Value::BodyCrc32 => write(crc32(self.request.body).to_string().as_bytes()),
            Value::BodySha256 => write(sha256_hex(self.request.body).as_bytes()),
            Value::Url => write(self.url().as_bytes()),
            Value::Method => write(self.request.method.as_bytes()),
            Value::Secret => write(self.secret.map_or(&[][..], Secret::expose)),
            Value::Header(name) => write(self.header(name)?),
            Value::SignedHeaderNames => write(self.header_names),
            Value::SignedHeaderValues => self.emit_listed_headers(write)?,
            Value::Json(path) => {
                let value = self.document.value(path)?;
                write(value.ok_or_else(|| missing(&path.0))?.as_bytes());
            }
            Value::Form(field) => {
                let value = self.document.form_value(field)?.ok_or_else(|| missing(field))?;
                self.reading.feed(&value, write);
            }
            Value::SortedForm => self.emit_sorted_form(write),
            Value::Param(name) => write(self.params.text(name).ok_or_else(|| missing(name))?.as_bytes()),
            Value::Canonical(Canonical::AdyenPayment) => adyen::emit(self.document, write)?,
            Value::Canonical(Canonical::Rfc9421) => rfc9421::emit(self, write)?,
            Value::Canonical(Canonical::Sns) => sns::emit(self.document, write)?,
            Value::Canonical(Canonical::Contentful) => contentful::emit(self, write)?,
        }
        Ok(())
    }

    /// The URL of the request; a configured one takes its place.
    pub(crate) fn url(&self) -> &str {
        self.params.text("url").unwrap_or(self.request.url)
    }

    /// The one line of a header that is signed.
    fn header(&self, name: &str) -> Result<&[u8], VerifyError> {
        match self.request.line(name) {
            Line::One(value) => Ok(value),
            Line::Absent => Err(missing(name)),
            Line::Several => {
                Err(VerifyError::at(ErrorKind::DuplicateHeader, name, "the header must stand once"))
            }
        }
    }

    fn emit_listed_headers(&self, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
        let names = std::str::from_utf8(self.header_names).map_err(|_| {
            VerifyError::new(ErrorKind::MalformedSignature, "the names of signed headers are ASCII")
        })?;
        for (index, name) in names.split(' ').filter(|name| !name.is_empty()).enumerate() {
            if index > 0 {
                write(b".");
            }
            write(self.header(&name.to_ascii_lowercase()).map_err(VerifyError::unplaced)?);
        }
        Ok(())
    }

    fn emit_sorted_form(&self, write: &mut impl FnMut(&[u8])) {
        let mut pairs = self.document.form();
        pairs.sort();
        pairs.dedup();
        for (name, value) in pairs {
            write(&name);
            write(&value);
        }
    }
}

/// The lower-case hexadecimal SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    Encoding::Hex
        .encode(key::digest(DigestKind::Sha256, |digest| digest.update(bytes)).as_bytes(), &mut text);
    text
}

fn missing(place: &str) -> VerifyError {
    VerifyError::at(ErrorKind::MissingField, place, "the value is signed and has to be there")
}

/// CRC-32 as in IEEE 802.3 and gzip: reflected, polynomial 0xedb88320.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| CRC_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_has_the_check_value_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}

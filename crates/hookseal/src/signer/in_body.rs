//! Putting a signature into the body that it signs a part of.

use super::json_splice;
use crate::error::SignError;
use crate::scheme::JsonPath;

/// The body with `text` as the value at the path, every other byte as it was.
pub(super) fn with_json(body: &[u8], path: &JsonPath, text: &str) -> Result<Vec<u8>, SignError> {
    json_splice::with_text(body, &path.0, text).ok_or_else(|| SignError::Place { place: path.0.clone() })
}

/// The form with `text` as the only value of a field, every other field as it was.
pub(super) fn with_field(body: &[u8], field: &str, text: &str) -> Vec<u8> {
    let name = percent_encoded(field).into_bytes();
    let is_other = |part: &&[u8]| {
        let key = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        !part.is_empty() && key != name && key != field.as_bytes()
    };
    let pair = [&name[..], b"=", percent_encoded(text).as_bytes()].concat();
    let mut parts: Vec<&[u8]> = body.split(|byte| *byte == b'&').filter(is_other).collect();
    parts.push(&pair);
    parts.join(&b'&')
}

/// With `%` and two digits for everything but letters, digits and `-._~` (RFC 3986 section 2.3).
pub(super) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stands_once_and_the_others_stay() {
        let signed = |body: &[u8]| String::from_utf8(with_field(body, "bt_signature", "a|b")).unwrap();
        assert_eq!(signed(b"bt_payload=x%2By"), "bt_payload=x%2By&bt_signature=a%7Cb");
        assert_eq!(signed(b"bt_signature=old&a=1&&b"), "a=1&b&bt_signature=a%7Cb");
        assert_eq!(signed(b""), "bt_signature=a%7Cb");
    }
}

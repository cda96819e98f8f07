//! TypeIDs as UUIDs: a type, `_`, and 26 characters of Crockford's base32 (TypeID specification 0.3).

/// Appends the UUID that an id stands for, in lower case with hyphens. A UUID stands for itself.
pub(crate) fn write_uuid(id: &str, out: &mut String) -> Option<()> {
    if is_uuid(id) {
        out.extend(id.chars().map(|character| character.to_ascii_lowercase()));
        return Some(());
    }
    let (prefix, suffix) = id.rsplit_once('_').unwrap_or(("", id));
    if !prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        return None;
    }
    let bits = decode_suffix(suffix)?;
    for (index, byte) in bits.to_be_bytes().iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0xf));
    }
    Some(())
}

fn is_uuid(text: &str) -> bool {
    let hyphen = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match hyphen(index) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

/// 26 characters hold 130 bits, so the first is at most `7`.
fn decode_suffix(suffix: &str) -> Option<u128> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    if suffix.len() != 26 || suffix.as_bytes()[0] > b'7' {
        return None;
    }
    suffix.bytes().try_fold(0, |bits: u128, character| {
        let value = ALPHABET.iter().position(|known| *known == character)?;
        Some(bits << 5 | value as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(id: &str) -> Option<String> {
        let mut out = String::new();
        write_uuid(id, &mut out).map(|()| out)
    }

    /// The first three are from `valid.json` of the TypeID specification.
    #[test]
    fn writes_what_the_specification_lists() {
        for (id, expected) in [
            ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
            ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ("prefix_01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
            ("dlv_01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
            ("7D0F4C0E-1d2b-4c3a-9e58-000000000001", "7d0f4c0e-1d2b-4c3a-9e58-000000000001"),
        ] {
            assert_eq!(uuid(id).as_deref(), Some(expected));
        }
    }

    #[test]
    fn refuses_what_is_neither() {
        for id in [
            "",
            "dlv_1",
            "dlv_81h455vb4pex5vsknk084sn02q",
            "dlv_01h455vb4pex5vsknk084sn02l",
            "DLV_01h455vb4pex5vsknk084sn02q",
            "dlv_01h455vb4pex5vsknk084sn02",
            "7d0f4c0e1d2b4c3a9e58000000000001",
            "dlv_é1h455vb4pex5vsknk084sn02",
        ] {
            assert_eq!(uuid(id), None, "{id}");
        }
    }
}

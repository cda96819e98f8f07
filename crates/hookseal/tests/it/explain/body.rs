use std::io::Write;

use hookseal::Profile;
use hookseal::explain::Code;
use proptest::prelude::*;

use super::support::{Received, any_body_signing, check, proven, secret_of};

/// `signed` was signed and `received` came.
#[track_caller]
fn mistake(profile: &Profile, signed: &[u8], received: &[u8], code: Code) {
    let mut request = Received::signed(profile, &secret_of(profile), signed);
    request.body = received.to_vec();
    check(&request, profile, &[code]);
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z<>:!?#]{1,20}([ ]?[a-z]{1,9}){0,3}[a-z]"
}

fn lines() -> impl Strategy<Value = String> {
    "[a-z]{1,9}(\n[a-z]{1,9}){1,4}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn line_breaks_at_the_end(profile in any_body_signing(), body in text(), crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let longer = format!("{body}{end}");
        mistake(profile, body.as_bytes(), longer.as_bytes(), Code::BodyTrailingNewlineAdded);
        mistake(profile, longer.as_bytes(), body.as_bytes(), Code::BodyTrailingNewlineRemoved);
    }

    #[test]
    fn line_breaks_within(profile in any_body_signing(), lf in lines()) {
        let crlf = lf.replace('\n', "\r\n");
        mistake(profile, lf.as_bytes(), crlf.as_bytes(), Code::BodyLfBecameCrlf);
        mistake(profile, crlf.as_bytes(), lf.as_bytes(), Code::BodyCrlfBecameLf);
    }

    #[test]
    fn white_space_around(profile in any_body_signing(), body in text(), spaces in "[ \t]{1,3}") {
        mistake(profile, body.as_bytes(), format!("{spaces}{body}{spaces}").as_bytes(), Code::BodyOuterWhitespace);
    }

    #[test]
    fn byte_order_marks(profile in any_body_signing(), body in text()) {
        let marked = format!("\u{feff}{body}");
        mistake(profile, body.as_bytes(), marked.as_bytes(), Code::BodyBomAdded);
        mistake(profile, marked.as_bytes(), body.as_bytes(), Code::BodyBomRemoved);
    }

    #[test]
    fn bodies_that_are_not_there(profile in any_body_signing(), body in text()) {
        mistake(profile, b"", body.as_bytes(), Code::BodySignedEmpty);
        mistake(profile, b"[object Object]", body.as_bytes(), Code::BodyPlaceholder);
        mistake(profile, b"undefined", body.as_bytes(), Code::BodyPlaceholder);
    }

    #[test]
    fn spaces_and_white_space(profile in any_body_signing(), words in proptest::collection::vec("[a-z]{1,6}", 2..6)) {
        mistake(profile, words.concat().as_bytes(), words.join(" ").as_bytes(), Code::BodySpacesRemoved);
        mistake(profile, words.concat().as_bytes(), words.join(" \t\n").as_bytes(), Code::BodyWhitespaceRemoved);
    }

    #[test]
    fn character_sets(profile in any_body_signing(), body in "[a-z]{1,5}[é-ú]{1,5}[a-z]{0,5}") {
        let misread: String = body.bytes().map(char::from).collect();
        mistake(profile, misread.as_bytes(), body.as_bytes(), Code::BodyReadAsLatin1);
        mistake(profile, body.as_bytes(), misread.as_bytes(), Code::BodyReadAsLatin1);
        let latin1: Vec<u8> = body.chars().map(|character| u8::try_from(character).unwrap()).collect();
        mistake(profile, &latin1, body.as_bytes(), Code::BodyWrittenAsLatin1);
        mistake(profile, body.as_bytes(), &latin1, Code::BodyWrittenAsLatin1);
    }

    #[test]
    fn bytes_that_are_no_text(profile in any_body_signing(), body in "[a-z]{1,5}", bad in 0x80..=0xbf_u8) {
        let received = [body.as_bytes(), &[bad], body.as_bytes()].concat();
        let signed = String::from_utf8_lossy(&received).into_owned();
        mistake(profile, signed.as_bytes(), &received, Code::BodyInvalidUtf8Replaced);
    }

    #[test]
    fn compression(profile in any_body_signing(), body in text(), level in 1..9_u32) {
        let level = flate2::Compression::new(level);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(body.as_bytes()).unwrap();
        mistake(profile, body.as_bytes(), &gzip.finish().unwrap(), Code::BodyCompressed);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(body.as_bytes()).unwrap();
        mistake(profile, body.as_bytes(), &zlib.finish().unwrap(), Code::BodyCompressed);
    }

    #[test]
    fn base64_and_chunks(profile in any_body_signing(), body in text()) {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(&body);
        mistake(profile, body.as_bytes(), encoded.as_bytes(), Code::BodyBase64Encoded);
        mistake(profile, encoded.as_bytes(), body.as_bytes(), Code::BodyBase64Decoded);
        let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        mistake(profile, body.as_bytes(), chunked.as_bytes(), Code::BodyChunked);
    }

    #[test]
    fn forms(profile in any_body_signing(), name in "[a-z]{1,5}", value in "[a-z]{1,5}") {
        let plus = format!("{name}={value}+{value}&x=%2Fy");
        let percent = format!("{name}={value}%20{value}&x=%2Fy");
        mistake(profile, plus.as_bytes(), percent.as_bytes(), Code::BodyFormEncoding);
        mistake(profile, percent.as_bytes(), plus.as_bytes(), Code::BodyFormEncoding);
        mistake(profile, plus.replace("%2F", "%2f").as_bytes(), plus.as_bytes(), Code::BodyFormEncoding);
        mistake(profile, format!("{name}={value} {value}&x=/y").as_bytes(), plus.as_bytes(), Code::BodyFormEncoding);
    }
}

#[test]
fn windows_1252() {
    let profile = Profile::builtin("github-sha256").unwrap();
    // `€` is three bytes in UTF-8, which Windows-1252 reads as three other characters.
    mistake(profile, "price: â‚¬ 5".as_bytes(), "price: € 5".as_bytes(), Code::BodyReadAsLatin1);
    mistake(profile, "price: € 5".as_bytes(), "price: â‚¬ 5".as_bytes(), Code::BodyReadAsLatin1);
    mistake(profile, b"price: \x80 5", "price: € 5".as_bytes(), Code::BodyWrittenAsLatin1);
}

#[test]
fn positions_are_said() {
    let profile = Profile::builtin("stripe").unwrap();
    let mut request = Received::signed(profile, &secret_of(profile), b"{}");
    request.body = b"{}\n".to_vec();
    let explanation = request.explain(profile);
    assert_eq!(explanation.findings()[0].detail("position"), Some("2"));
    assert!(explanation.to_string().contains("without the line break at its end"), "{explanation}");
    assert_eq!(proven(&explanation), [Code::BodyTrailingNewlineAdded]);
}

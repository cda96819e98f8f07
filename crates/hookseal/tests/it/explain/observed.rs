//! What is said where no difference explains the failure.

use hookseal::explain::{Code, Outcome};
use hookseal::{Profile, Secret};

use super::support::{Received, secret_of};

/// The details of what is noticed when a request is changed.
#[track_caller]
fn notices(name: &str, change: impl FnOnce(&mut Received), code: Code, details: &[(&str, &str)]) {
    let profile = Profile::builtin(name).unwrap();
    let mut request = Received::signed(profile, &secret_of(profile), b"{\"a\": 1}");
    change(&mut request);
    let explanation = request.explain(profile);
    assert!(!explanation.is_proven(), "{explanation}");
    let finding = explanation.findings().iter().find(|finding| finding.code() == code);
    let finding = finding.unwrap_or_else(|| panic!("{explanation}"));
    for (name, value) in details {
        assert_eq!(finding.detail(name), Some(*value), "{finding:?}");
    }
}

fn other_body(request: &mut Received) {
    request.body = b"{\"b\": 2}".to_vec();
}

#[test]
fn missing_signatures() {
    let forget = |request: &mut Received| request.lines.clear();
    notices("github-sha256", forget, Code::SignatureHeaderMissing, &[("place", "x-hub-signature-256")]);
    let rename = |request: &mut Received| {
        request.lines = vec![
            ("X-Hub-Signature".to_owned(), b"sha1=00".to_vec()),
            ("Host".to_owned(), b"a.test".to_vec()),
        ];
    };
    notices("github-sha256", rename, Code::SignatureHeaderMissing, &[("alike", "x-hub-signature")]);
    let empty = |request: &mut Received| request.line("x-hub-signature-256").clear();
    notices("github-sha256", empty, Code::SignatureHeaderMissing, &[]);
}

#[test]
fn cut_and_foreign_signatures() {
    let cut = |request: &mut Received| request.line("x-hub-signature-256").truncate("sha256=".len() + 50);
    notices("github-sha256", cut, Code::SignatureTruncated, &[("bytes", "25"), ("expected", "32")]);
    let odd = |request: &mut Received| request.line("x-hub-signature-256").truncate("sha256=".len() + 63);
    notices("github-sha256", odd, Code::SignatureTruncated, &[("bytes", "31")]);
    let sha1 = |request: &mut Received| request.line("x-hub-signature-256").truncate("sha256=".len() + 40);
    notices("github-sha256", sha1, Code::SignatureLength, &[("bytes", "20"), ("expected", "32")]);
    let character = |request: &mut Received| request.line("x-hub-signature-256")["sha256=".len() + 3] = b'.';
    notices("github-sha256", character, Code::SignatureCharacter, &[("position", "3"), ("encoding", "hex")]);
    let version = |request: &mut Received| *request.line("stripe-signature") = b"t=1750000000,v9=00".to_vec();
    notices("stripe", version, Code::SignatureMalformed, &[]);
}

#[test]
fn suspicious_bodies() {
    let lengths = |request: &mut Received| {
        other_body(request);
        request.lines.push(("content-length".to_owned(), b"17".to_vec()));
    };
    notices("stripe", lengths, Code::BodyLengthDiffers, &[("stated", "17"), ("bytes", "8")]);
    let inflated = |request: &mut Received| {
        other_body(request);
        request.lines.push(("content-encoding".to_owned(), b"gzip".to_vec()));
    };
    notices("stripe", inflated, Code::BodyInflated, &[]);
    notices("stripe", |request| request.body.clear(), Code::BodyIsEmpty, &[]);
    let lost = |request: &mut Received| request.body = "{\"b\": \"\u{fffd}\"}".into();
    notices("stripe", lost, Code::BodyReplacementCharacters, &[("position", "7")]);
    notices(
        "mailgun",
        |request| request.body = b"{\"a\": x}".to_vec(),
        Code::BodyUnreadable,
        &[("position", "6")],
    );
}

#[test]
fn suspicious_secrets() {
    let configure =
        |secret: &'static str| move |request: &mut Received| request.secrets = vec![Secret::new(secret)];
    notices("stripe", configure("quite another\n"), Code::SecretTrailingNewline, &[("secret", "1")]);
    notices("stripe", configure("\"quite another\""), Code::SecretSurroundingQuotes, &[]);
    notices("standard-webhooks", configure("whsec_not base64"), Code::SecretUnusable, &[]);
    notices("stripe", |request| request.secrets.clear(), Code::SecretUnusable, &[]);
}

#[test]
fn timestamps_that_cannot_be_read() {
    for text in ["1750000000.5", "Sun, 15 Jun 2025 15:06:40 GMT", "yesterday", "2025-06-15T15:06:40"] {
        let write = |request: &mut Received| *request.line("x-slack-request-timestamp") = text.into();
        notices("slack", write, Code::TimestampFormat, &[]);
    }
}

#[test]
fn unusable_secrets_that_can_be_mended_are_explained() {
    let profile = Profile::builtin("standard-webhooks").unwrap();
    let secret = secret_of(profile);
    let mut request = Received::signed(profile, &secret, b"{}");
    request.secrets = vec![Secret::new([secret.expose(), b"\n"].concat())];
    let explanation = request.explain(profile);
    assert!(matches!(explanation.outcome(), Outcome::Unusable(_)));
    assert_eq!(explanation.findings()[0].code(), Code::SecretTrailingNewline);
    let text = explanation.to_string();
    assert!(text.starts_with("Nothing can be verified: secret 1 is not canonical base64"), "{text}");
}

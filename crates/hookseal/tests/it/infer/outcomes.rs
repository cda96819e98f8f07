//! What is said where several schemes fit, or none.

use hookseal::infer::{Captured, InferError, InferOptions, infer};
use hookseal::{Profile, Secret};
use proptest::prelude::*;

/// HMAC-SHA256 of `1750000000.{}` with the key `s3cret!`.
const SIGNATURE: &str = "1e489ea5376b14fa22e340c55550a5c2341648fadd05e5bfe53751296b177a83";

fn request(headers: &[(&str, &str)], body: &str) -> Captured {
    Captured {
        method: "POST".to_owned(),
        url: "https://hooks.example.test/in".to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn secret() -> [Secret; 1] {
    [Secret::new("s3cret!")]
}

#[test]
fn the_document_is_minimal_and_says_what_is_not_known() {
    let sent = request(&[("X-Sent-At", "1750000000"), ("X-Signature", SIGNATURE)], "{}");
    let outcome = infer(&[sent], &secret(), &InferOptions::default()).unwrap();
    let [found] = &*outcome.found else { panic!("{outcome:?}") };
    assert_eq!(
        found.description,
        "hmac-sha256 over {timestamp}.{body} in x-signature, key: utf8, from the header x-sent-at"
    );
    let expected = r#"# Found from one captured request, which it verifies.
# Not to be seen there, and to be looked up in the vendor's documentation:
# - how old and how far ahead a timestamp may be
# - what several signatures look like while a secret is being rotated
# - whether the body is signed as raw or as strip-spaces or json-compact or escape-non-ascii, which is the same for this body
name = "inferred"

[scheme]
algorithm = "hmac-sha256"
key = ["utf8"]
content = ["{timestamp}", ".", "{body}"]

[scheme.signature]
header = "x-signature"

[scheme.timestamp]
header = "x-sent-at"
format = "unix-seconds"
# The usual tolerance: a request does not say how old it may be.
past = "5m"
future = "5m"
"#;
    assert_eq!(found.toml(), expected);
    assert_eq!(Profile::parse(found.toml()).unwrap().name(), "inferred");
}

#[test]
fn several_that_fit_are_all_listed_with_what_tells_them_apart() {
    let headers = [("X-Sent-At", "1750000000"), ("X-Tried-At", "1750000000"), ("X-Signature", SIGNATURE)];
    let first = request(&headers, "{}");
    let outcome = infer(std::slice::from_ref(&first), &secret(), &InferOptions::default()).unwrap();
    let headers: Vec<_> = outcome
        .found
        .iter()
        .map(|candidate| candidate.profile.scheme().timestamp_header().unwrap())
        .collect();
    assert_eq!(headers, ["x-sent-at", "x-tried-at"]);
    assert_eq!(
        outcome.advice,
        [
            "The same text stands in the header x-sent-at and in the header x-tried-at: a request in which they differ tells which is signed.",
        ]
    );

    let second = request(
        &[("X-Sent-At", "1750000000"), ("X-Tried-At", "1750000060"), ("X-Signature", SIGNATURE)],
        "{}",
    );
    let outcome = infer(&[first, second], &secret(), &InferOptions::default()).unwrap();
    assert_eq!(outcome.found.len(), 1, "{outcome:?}");
    assert_eq!(outcome.found[0].profile.scheme().timestamp_header(), Some("x-sent-at"));
}

#[test]
fn where_none_fits_it_says_what_was_tried() {
    let sent = request(&[("X-Sent-At", "1750000000"), ("X-Signature", SIGNATURE)], "{}");
    let wrong = [Secret::new("another!")];
    let outcome = infer(std::slice::from_ref(&sent), &wrong, &InferOptions::default()).unwrap();
    assert!(outcome.found.is_empty() && !outcome.cut && outcome.tried > 1000, "{outcome:?}");
    assert_eq!(outcome.looked_at, ["the header x-signature"]);
    assert!(outcome.advice[0].contains("secret"), "{:?}", outcome.advice);
    assert!(outcome.advice.iter().any(|sentence| sentence.contains("hookseal explain")));

    let mut options = InferOptions::default();
    options.max_layouts = 10;
    let outcome = infer(&[sent], &wrong, &options).unwrap();
    assert!(outcome.cut && outcome.tried == 10, "{outcome:?}");

    let unsigned = request(&[("Content-Type", "application/json")], "{}");
    let outcome = infer(&[unsigned], &wrong, &InferOptions::default()).unwrap();
    assert!(outcome.found.is_empty() && outcome.tried == 0 && outcome.looked_at.is_empty());
    assert!(outcome.advice[0].contains("complete"), "{:?}", outcome.advice);
}

#[test]
fn a_long_body_is_hashed_as_often_as_the_bound_allows() {
    let sent = request(&[("X-Sent-At", "1750000000"), ("X-Signature", SIGNATURE)], &"x".repeat(100_000));
    let mut options = InferOptions::default();
    options.max_hashed_bytes = 1_000_000;
    let outcome = infer(&[sent], &secret(), &options).unwrap();
    assert!(outcome.cut && outcome.tried < 100, "{outcome:?}");
}

#[test]
fn requests_of_two_vendors_are_not_one_scheme() {
    let one = request(&[("X-Sent-At", "1750000000"), ("X-Signature", SIGNATURE)], "{}");
    let other = request(&[("X-Signature", &"00".repeat(32))], "{}");
    let mut options = InferOptions::default();
    options.max_layouts = 20_000;
    let outcome = infer(&[one, other], &secret(), &options).unwrap();
    assert!(outcome.found.is_empty(), "{outcome:?}");
    assert!(outcome.advice[0].contains("not the others"), "{:?}", outcome.advice);
}

#[test]
fn arguments_are_checked() {
    let sent = request(&[], "");
    let infer = |requests: &[Captured], secrets: &[Secret], name: &str| {
        let mut options = InferOptions::default();
        options.name = name.to_owned();
        infer(requests, secrets, &options).map(|_| ()).unwrap_err()
    };
    let one = std::slice::from_ref(&sent);
    assert_eq!(infer(&[], &secret(), "x"), InferError::NoRequest);
    assert_eq!(infer(&vec![sent.clone(); 33], &secret(), "x"), InferError::TooManyRequests { limit: 32 });
    assert_eq!(infer(one, &[], "x"), InferError::NoSecret);
    assert_eq!(infer(one, &[Secret::new("")], "x"), InferError::NoSecret);
    assert_eq!(infer(one, &vec![Secret::new("x"); 17], "x"), InferError::TooManySecrets { limit: 16 });
    for name in ["", "-x", "X", "a b", "\"\n", &"x".repeat(65)] {
        assert_eq!(infer(one, &secret(), name), InferError::Name, "{name}");
    }
}

#[test]
fn nothing_of_the_secret_is_shown() {
    for (header, value) in [("X-Signature", SIGNATURE), ("X-Token", "s3cret!")] {
        let sent = request(&[("X-Sent-At", "1750000000"), (header, value)], "{}");
        let outcome = infer(&[sent], &secret(), &InferOptions::default()).unwrap();
        assert_eq!(outcome.found.len(), 1, "{header}");
        let shown = format!("{outcome:?}{}", outcome.found[0].toml());
        assert!(!shown.contains("s3cret") && !shown.contains(SIGNATURE), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        headers in proptest::collection::vec(
            ("[a-zA-Z-]{0,12}", prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..80),
                "(t=|v1=|v1,|sha256=|,| |=|;|[0-9a-f]{64}|[0-9]{10}|[A-Za-z0-9+/]{43}=){0,8}".prop_map(String::into_bytes),
            ]),
            0..6,
        ),
        url in "(https://h.test/)?[?&=a-f0-9]{0,40}",
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            r#"\{("[a-z.{]{0,3}":(\["?[0-9a-f]{0,40}"?\]|"é"|1e9),?){0,3}\}"#.prop_map(String::into_bytes),
            "([a-z]{1,3}=[0-9a-f%]{0,40}&?){0,4}".prop_map(String::into_bytes),
        ],
        secret in proptest::collection::vec(any::<u8>(), 1..20),
    ) {
        let sent = Captured { method: "POST".to_owned(), url, headers, body };
        let mut options = InferOptions::default();
        options.max_layouts = 500;
        let outcome = infer(&[sent], &[Secret::new(secret)], &options).unwrap();
        prop_assert!(outcome.tried <= 500);
    }
}

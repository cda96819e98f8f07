//! Nothing shows a secret: not `Debug`, not an error, not an explanation of a mismatch.

use hookseal::{
    Message, Mode, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Verifier, VerifyOptions,
};

use crate::support::{ID, NOW, Sent, body, builtin, params, secret, signing, verifier};

/// Long, and unlike anything that is printed otherwise.
const SECRET: &str = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtcHJpbnRlZA==";

#[track_caller]
fn check(shown: &str) {
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
    assert!(!shown.contains("secret-that"), "{shown}");
    assert!(!shown.contains("99, 50, 86, 106"), "bytes of the secret: {shown}");
}

/// No twelve characters of a secret that was made, nor four of its bytes as numbers.
#[track_caller]
fn check_made(shown: &str, secret: &Secret) {
    // The first line of a PEM block is the same for every key.
    let skip = if secret.expose().starts_with(b"-----") { 120 } else { 0 };
    for window in secret.expose()[skip..].windows(12) {
        let text = str::from_utf8(window).unwrap();
        let numbers = format!("{}, {}, {}, {}", window[0], window[1], window[2], window[3]);
        assert!(!shown.contains(text) && !shown.contains(&numbers), "{text} in {shown}");
    }
}

#[test]
fn nothing_shows_the_secret_or_the_expected_signature() {
    for profile in signing() {
        let [secret, other] = [0xa5, 0x5a].map(|seed| secret(profile, seed));
        let check = |shown: &str| {
            check_made(shown, &secret);
            check_made(shown, &other);
        };
        let signer = Signer::new(profile, Part::Delivery, std::slice::from_ref(&secret), &params()).unwrap();
        let verifier = verifier(profile, std::slice::from_ref(&other), Mode::Strict).unwrap();
        check(&format!("{secret:?} {} {signer:?} {verifier:?} {profile:?}", secret.fingerprint()));

        let sent = Sent::seal(
            profile,
            std::slice::from_ref(&secret),
            NOW,
            ID,
            body(profile, NOW, "text").as_bytes(),
        );
        let request = Request { method: "POST", url: &sent.url, headers: &sent.headers, body: &sent.body };
        let error = verifier.verify(&request, NOW).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.detail());
        check(&shown);
        if let Some((_, value)) = sent.headers.last() {
            let value = str::from_utf8(value).unwrap();
            let signature = value.rsplit(['=', ',']).find(|part| part.len() > 20).unwrap_or(value);
            assert!(!shown.contains(signature), "{shown}");
        }
    }
}

#[test]
fn errors_of_configuration_do_not_show_the_secret() {
    let shown = |secret: &str| {
        let secrets = [Secret::new(secret)];
        let error =
            Verifier::new(builtin("standard-webhooks"), Part::Delivery, &secrets, VerifyOptions::default());
        let error = error.unwrap_err();
        format!("{error} {error:?}")
    };
    check(&shown(&format!("{SECRET}!")));
    check(&shown(&format!("whpk_{SECRET}")));
}

#[test]
fn a_token_in_a_header_is_not_shown() {
    let profile = Profile::parse(
        r#"
        name = "token"
        [scheme]
        algorithm = "token"
        admit = ["body-unsigned"]
        key = ["utf8"]
        [scheme.signature]
        header = "x-token"
        "#,
    )
    .unwrap();
    let signer = Signer::new(&profile, Part::Delivery, &[Secret::new(SECRET)], &Params::new()).unwrap();
    let mut headers = SignedHeaders::new();
    signer.sign(&Message::new(NOW, ID, b"{}"), &mut headers).unwrap();
    assert_eq!(headers.value("x-token"), Some(SECRET));
    check(&format!("{headers:?}"));
}

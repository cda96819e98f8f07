//! Nothing shows a secret: not `Debug`, not an error, not an explanation of a mismatch.

use hookseal::{
    Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Verifier, VerifyOptions,
};

use crate::support::{ID, NOW, builtin};

/// Long, and unlike anything that is printed otherwise.
const SECRET: &str = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtcHJpbnRlZA==";

#[track_caller]
fn check(shown: &str) {
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
    assert!(!shown.contains("secret-that"), "{shown}");
    assert!(!shown.contains("99, 50, 86, 106"), "bytes of the secret: {shown}");
}

#[test]
fn nothing_shows_the_secret_or_the_expected_signature() {
    for profile in Profile::builtins() {
        let secret = Secret::new(SECRET);
        check(&format!("{secret:?} {}", secret.fingerprint()));
        let signer =
            Signer::new(profile, Part::Delivery, std::slice::from_ref(&secret), &Params::new()).unwrap();
        let verifier = Verifier::new(profile, Part::Delivery, &[secret], VerifyOptions::default()).unwrap();
        check(&format!("{signer:?} {verifier:?} {profile:?}"));

        let mut headers = SignedHeaders::new();
        signer.sign(&Message::new(NOW, ID, b"{}"), &mut headers).unwrap();
        let lines: Vec<(&str, &str)> = headers.iter().collect();
        let request = Request { method: "POST", url: "", headers: &lines, body: b"[]" };
        let error = verifier.verify(&request, NOW).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.detail());
        check(&shown);
        let (_, value) = lines.last().unwrap();
        let signature = value.rsplit(['=', ',']).find(|part| part.len() > 20).unwrap();
        assert!(!shown.contains(signature), "{shown}");
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

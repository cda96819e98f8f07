//! Making a mistake and asking for it in a line.

use std::sync::OnceLock;

use hookseal::explain::{Code, Evidence, Explanation, Question};
use hookseal::{
    Algorithm, Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp,
    VerifyOptions,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{ID, Lines, NOW};

pub(crate) const URL: &str = "https://hooks.example.test/in?shop=7";

/// The line by which a profile that stands for a sender's mistake may have any weakness.
pub(crate) const ADMIT_ALL: &str =
    r#"admit = ["body-unsigned", "weak", "body-malleable", "ambiguous-boundary"]"#;

/// A request as the receiver has it, and what it verifies with.
pub(crate) struct Received {
    pub(crate) secrets: Vec<Secret>,
    pub(crate) other_secrets: Vec<Secret>,
    pub(crate) options: VerifyOptions,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) lines: Lines,
    pub(crate) body: Vec<u8>,
    pub(crate) now: Timestamp,
}

impl Received {
    /// What came of signing `body` by a profile, with no mistake made yet.
    pub(crate) fn signed(profile: &Profile, secret: &Secret, body: &[u8]) -> Self {
        Self {
            secrets: vec![secret.clone()],
            other_secrets: Vec::new(),
            options: VerifyOptions::default(),
            method: "POST".to_owned(),
            url: URL.to_owned(),
            lines: sign(profile, secret, &Message::new(NOW, ID, body).with_url(URL)),
            body: body.to_vec(),
            now: NOW,
        }
    }

    pub(crate) fn explain(&self, profile: &Profile) -> Explanation {
        let request =
            Request { method: &self.method, url: &self.url, headers: &self.lines, body: &self.body };
        Question::new(profile, Part::Delivery, &self.secrets, &self.options, &request, self.now)
            .with_other_secrets(&self.other_secrets)
            .explain()
    }

    pub(crate) fn line(&mut self, name: &str) -> &mut Vec<u8> {
        let line = self.lines.iter_mut().find(|(line, _)| line == name);
        &mut line.unwrap_or_else(|| panic!("no line {name}")).1
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let (_, value) = self.lines.iter().find(|(line, _)| line == name).unwrap();
        String::from_utf8(value.clone()).unwrap()
    }
}

pub(crate) fn sign(profile: &Profile, secret: &Secret, message: &Message<'_>) -> Lines {
    let signer = Signer::new(profile, Part::Delivery, std::slice::from_ref(secret), &Params::new()).unwrap();
    let mut headers = SignedHeaders::new();
    signer.sign(message, &mut headers).unwrap();
    headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}

/// The proven codes of an explanation.
pub(crate) fn proven(explanation: &Explanation) -> Vec<Code> {
    let proven = explanation.findings().iter().filter(|finding| finding.evidence() == Evidence::Proven);
    proven.map(|finding| finding.code()).collect()
}

#[track_caller]
pub(crate) fn check(received: &Received, profile: &Profile, expected: &[Code]) {
    let explanation = received.explain(profile);
    assert_eq!(proven(&explanation), expected, "{}: {explanation}", profile.name());
}

/// The built-in profiles that sign the bytes of the body by HMAC, in a header.
pub(crate) fn body_signing() -> Vec<&'static Profile> {
    let signs = |profile: &Profile| {
        let secrets = [secret_of(profile)];
        let signer = Signer::new(profile, Part::Delivery, &secrets, &Params::new());
        let message = Message::new(NOW, ID, b"{}").with_url(URL);
        signer.is_ok_and(|signer| signer.sign(&message, &mut SignedHeaders::new()).is_ok())
            && Received::signed(profile, &secrets[0], b"{}").explain(profile).is_valid()
    };
    let fits = |profile: &&'static Profile| {
        let exact = !profile.source().contains("[scheme.body]") && !profile.source().contains("sorted-form");
        let mac = matches!(profile.scheme().algorithm(), Some(Algorithm::Hmac(_)) | None);
        mac && exact && !profile.scheme().flags().body_unsigned && signs(profile)
    };
    Profile::builtins().map(|profile| &**profile).filter(fits).collect()
}

pub(crate) fn any_body_signing() -> impl Strategy<Value = &'static Profile> {
    static PROFILES: OnceLock<Vec<&'static Profile>> = OnceLock::new();
    select(PROFILES.get_or_init(body_signing).as_slice())
}

/// The table that says where the signature stands, as the profile's document has it. Other tables have keys of the same
/// names: the secret has an encoding too.
pub(crate) fn signature_table(profile: &Profile) -> &str {
    let (_, table) = profile.source().split_once("[scheme.signature]").unwrap();
    table.split("\n[").next().unwrap_or(table)
}

/// The secret of a profile, in its notation.
pub(crate) fn secret_of(profile: &Profile) -> Secret {
    profile.delivery().new_secret(&[42; 32])
}

#[test]
fn many_profiles_take_part() {
    let names: Vec<&str> = body_signing().iter().map(|profile| profile.name()).collect();
    assert!(names.len() > 40, "{names:?}");
}

//! What signing and verifying allocate. On its own, as it counts every allocation of the process.

use hookseal::{
    Algorithm, Message, Params, Part, Profile, Request, SignedHeaders, Signer, Timestamp, Verifier,
    VerifyOptions,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
const URL: &str = "https://hooks.example.test/in";

/// HMACs that cannot be had without memory: values within the body, forms, numbered headers, lists of headers.
const NEED_MEMORY: [&str; 9] = [
    "adyen-payments",
    "braintree",
    "contentful",
    "docusign",
    "hook0-v1",
    "linear",
    "mailgun",
    "rfc9421-hmac",
    "twilio-form",
];

/// The profiles that sign by an HMAC of message, id and timestamp.
fn plain() -> impl Iterator<Item = &'static Profile> {
    let profiles = Profile::builtins().map(|profile| &**profile);
    profiles.filter(|profile| {
        let hmac =
            matches!(profile.scheme().algorithm(), Some(Algorithm::Hmac(_))) || profile.name() == "websub";
        // The digest of the body stands in the URL, which is decoded.
        hmac && profile.name() != "twilio-json" && !NEED_MEMORY.contains(&profile.name())
    })
}

fn allocations(call: impl FnOnce()) -> u64 {
    allocation_counter::measure(call).count_total
}

#[test]
fn signing_into_a_buffer_that_is_kept_allocates_nothing() {
    for profile in plain() {
        let secret = profile.delivery().new_secret(&[7; 32]);
        let signer = Signer::new(profile, Part::Delivery, &[secret], &Params::new()).unwrap();
        let message = Message::new(NOW, "dlv_1", b"{\"a\": 1}").with_url(URL);
        let mut headers = SignedHeaders::new();
        signer.sign(&message, &mut headers).unwrap();
        let count = allocations(|| {
            headers.clear();
            signer.sign(&message, &mut headers).unwrap();
        });
        assert_eq!(count, 0, "{}", profile.name());
    }
}

#[test]
fn verifying_allocates_nothing() {
    let mut seen = 0;
    for profile in plain() {
        let secrets = [profile.delivery().new_secret(&[7; 32])];
        let signer = Signer::new(profile, Part::Delivery, &secrets, &Params::new()).unwrap();
        let mut headers = SignedHeaders::new();
        signer.sign(&Message::new(NOW, "dlv_1", b"{\"a\": 1}").with_url(URL), &mut headers).unwrap();
        let headers: Vec<(&str, &str)> = headers.iter().collect();
        let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default()).unwrap();
        let request = Request { method: "POST", url: URL, headers: &headers, body: b"{\"a\": 1}" };
        let count = allocations(|| assert_eq!(verifier.verify(&request, NOW).unwrap().matched_secret(), 0));
        assert_eq!(count, 0, "{}", profile.name());
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

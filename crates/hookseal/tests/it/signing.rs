//! What is signed is what the vectors hold, and what cannot be signed is refused.

use std::collections::BTreeSet;

use hookseal::vectors::Vector;
use hookseal::{
    DeliveryPolicy, Message, Params, Part, Profile, Scheme, Secret, SignError, SignedHeaders, Signer,
    Timestamp,
};

use crate::support::{ID, NOW, builtin, secret, sign, signing};
use crate::vectors;

/// The value of the first line of a header in a vector.
fn header<'v>(vector: &'v Vector, name: &str) -> Option<&'v str> {
    let mut lines = vector.request.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
    lines.next().map(|(_, value)| value.as_str())
}

/// The signatures in a header, without the keys and prefixes before them.
fn signatures(value: &str) -> Vec<&str> {
    let items = value.split([',', ' ', ';', '|', '&']).filter(|item| item.len() > 20);
    // Base64 may end in `=`; what comes before any other is a key.
    items
        .map(|item| match item.trim_end_matches('=').rsplit_once('=') {
            Some((key, _)) => &item[key.len() + 1..],
            None => item,
        })
        .collect()
}

/// The texts that may be the timestamp of a request: a pair of the signature's, or a header.
fn timestamps<'v>(vector: &'v Vector, scheme: &Scheme) -> Vec<Option<&'v str>> {
    let values = vector.request.headers.iter().map(|(_, value)| value.as_str());
    let in_pairs = values
        .flat_map(|value| value.split([',', ';', ' ']))
        .filter_map(|item| ["t=", "ts=", "time="].iter().find_map(|key| item.strip_prefix(key)));
    let in_header = scheme.timestamp_header().and_then(|name| header(vector, name));
    in_pairs.map(Some).chain([in_header]).collect()
}

/// Headers of a message that a signature may cover and that the signer does not write.
fn own_headers(vector: &Vector) -> Vec<(&str, &str)> {
    let own = ["date", "content-type", "content-length", "x-event-id", "x-delivery-id"];
    let lines = vector.request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    lines.filter(|(name, _)| own.iter().any(|own| name.eq_ignore_ascii_case(own))).collect()
}

/// Whether one of the vector's keys makes a signature that stands in its headers, or in its body.
fn is_made(vector: &Vector, profile: &Profile, part: Part) -> bool {
    let scheme = profile.part(part).unwrap();
    let (body, own) = (vector.request.body(), own_headers(vector));
    let mut message = Message::new(Timestamp::from_unix_seconds(vector.now_unix), "", &body)
        .with_method(&vector.request.method)
        .with_url(&vector.request.url)
        .with_event_type("t")
        .with_headers(&own);
    message.id = scheme.id_header().and_then(|name| header(vector, name)).unwrap_or("");
    let params = ["keyid=test-shared-secret", "keyid=test-key-ed25519", "keyid=k1"]
        .map(|param| vector.params().with("keyid", param.strip_prefix("keyid=").unwrap()));
    let keys: Vec<&str> = match &vector.sign_key {
        Some(key) => vec![key],
        None if profile.name() == "rfc9421-ed25519" => vec![RFC9421_PRIVATE_KEY],
        None => vector.secrets().collect(),
    };
    timestamps(vector, scheme).iter().any(|time| {
        message.timestamp_text = *time;
        let made = |params: &Params, key: &str| {
            let signer = Signer::new(profile, part, &[Secret::new(key)], params).unwrap();
            let mut headers = SignedHeaders::new();
            let Ok(sealed) = signer.seal(&message, &mut headers) else { return false };
            // A signature in the body takes the place of the same one.
            let changes_body = !signer.writes_headers_alone() && signer.keeps_url();
            let in_body = changes_body && (sealed.body == body || form_holds(&body, &sealed.body));
            in_body || headers.iter().last().is_some_and(|(_, made)| stands_in(vector, made))
        };
        params.iter().any(|params| keys.iter().any(|key| made(params, key)))
    })
}

/// Whether the field at the end of a form, which holds our signature, is a part of another form.
fn form_holds(form: &[u8], made: &[u8]) -> bool {
    let plain = |form: &[u8]| String::from_utf8_lossy(form).replace("%7C", "|").replace("%26", "&");
    let made = plain(made);
    made.rsplit_once("bt_signature=").is_some_and(|(_, signature)| plain(form).contains(signature))
}

/// Whether a header value that was made, or a signature of it, stands in the headers of a vector.
fn stands_in(vector: &Vector, made: &str) -> bool {
    let is_it =
        |value: &str| made == value || signatures(made).iter().any(|made| signatures(value).contains(made));
    vector.request.headers.iter().any(|(_, value)| is_it(value))
}

/// The key `test-key-ed25519` (RFC 9421 section B.1.4).
const RFC9421_PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----";

/// Profiles of senders who chose otherwise where their vendor leaves a choice, as the vectors have it.
fn other_choices() -> Vec<Profile> {
    let choices = [
        ("websub", "scheme.algorithms = [\"hmac-sha512\"]"),
        ("hook0-v1", "scheme.signature.covers = [\"x-event-id\", \"x-delivery-id\"]"),
        ("hook0-v1", "scheme.signature.covers = [\"x-delivery-id\", \"x-event-id\"]"),
        ("rfc9421-hmac", "scheme.signature.parameters = [\"created\", \"keyid\"]"),
        (
            "rfc9421-hmac",
            "[scheme.signature]\nlabel = \"sig-b25\"\nparameters = [\"created\", \"keyid\"]\ncovers = [\"date\", \"@authority\", \"content-type\"]",
        ),
        (
            "rfc9421-ed25519",
            "[scheme.signature]\nlabel = \"sig-b26\"\nparameters = [\"created\", \"keyid\"]\ncovers = [\"date\", \"@method\", \"@path\", \"@authority\", \"content-type\", \"content-length\"]",
        ),
    ];
    choices
        .map(|(base, other)| {
            Profile::parse(&format!("name = \"{base}\"\nextends = \"{base}\"\n{other}")).unwrap()
        })
        .into()
}

#[test]
fn makes_the_signatures_of_the_valid_vectors() {
    let (file, others) = (vectors::file(), other_choices());
    let mut made = BTreeSet::new();
    for vector in file.vectors().iter().filter(|vector| vector.expect.0 == "valid") {
        let (profile, part) = vectors::builtin(&vector.scheme).unwrap();
        let without_key = WITHOUT_PRIVATE_KEY.contains(&profile.name());
        if vector.mode.as_deref() == Some("compat") || !profile.signs(part) || without_key {
            continue;
        }
        let mut by_others = others.iter().filter(|other| other.name() == profile.name());
        let is_it = is_made(vector, profile, part) || by_others.any(|other| is_made(vector, other, part));
        assert!(is_it, "{}", vector.id);
        made.insert(profile.name());
    }
    let missing: Vec<_> = signing().map(Profile::name).filter(|name| !made.contains(name)).collect();
    assert_eq!(missing, WITHOUT_PRIVATE_KEY);
}

/// Vectors of these were made with keys that only their vendors have, or, in a JSON Web Token, with other spaces in
/// the claims. The properties sign and verify them with keys of ours.
const WITHOUT_PRIVATE_KEY: [&str; 7] =
    ["aws-sns", "fal-ai", "google-pubsub", "netlify", "paypal", "plaid", "sendgrid"];

#[test]
fn writes_the_headers_of_a_profile_in_order() {
    let message = Message::new(NOW, ID, b"{}").with_event_type("order.confirmed").with_subscription("sub_1");
    let names = |name: &str| -> Vec<String> {
        let profile = builtin(name);
        let lines = sign(profile, &[secret(profile, 1)], &message).unwrap();
        lines.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names("standard-webhooks"), ["webhook-id", "webhook-timestamp", "webhook-signature"]);
    assert_eq!(names("harbor-node"), ["x-harbor-timestamp", "x-harbor-signature"]);
    assert_eq!(names("harmon"), ["x-harmon-signature"]);
}

#[test]
fn writes_timestamps_as_each_profile_has_them() {
    let now = Timestamp::from_unix_millis(1_743_523_977_521);
    let message = Message::new(now, ID, b"");
    let value = |name: &str, header: &str| {
        let profile = builtin(name);
        let lines = sign(profile, &[secret(profile, 1)], &message).unwrap();
        let line = lines.into_iter().find(|(line, _)| line == header).unwrap();
        String::from_utf8(line.1).unwrap()
    };
    assert_eq!(value("harbor-node", "x-harbor-timestamp"), "2025-04-01T16:12:57.521Z");
    assert_eq!(value("standard-webhooks", "webhook-timestamp"), "1743523977");
    assert!(value("harbor-transfers", "harbor-signature").starts_with("t=1743523977,v1="));
}

#[track_caller]
fn refused(profile: &str, message: &Message<'_>, expected: SignError) {
    let profile = builtin(profile);
    let secrets = [secret(profile, 1)];
    let mut headers = SignedHeaders::new();
    let signer = Signer::new(profile, hookseal::Part::Delivery, &secrets, &Params::new()).unwrap();
    assert_eq!(signer.sign(message, &mut headers), Err(expected));
    assert!(headers.is_empty(), "a refused message leaves half its headers");
}

#[test]
fn refuses_ids_that_would_split_a_header_or_the_content() {
    let with_id = |id| Message::new(NOW, id, b"{}");
    for id in ["a\r\nx-evil: 1", "a\nb", "a\0b", "a b", "é", "a\u{7f}", "\t"] {
        refused("standard-webhooks", &with_id(id), SignError::NotVisibleAscii { what: "id" });
    }
    refused("standard-webhooks", &with_id("a.b"), SignError::Separator { character: '.' });
    refused("standard-webhooks", &with_id(""), SignError::Missing { what: "id" });
    let long = "a".repeat(hookseal::limits::MAX_FIELD_BYTES + 1);
    let limit = hookseal::limits::MAX_FIELD_BYTES;
    refused("standard-webhooks", &with_id(&long), SignError::TooLong { what: "id", limit });
}

#[test]
fn refuses_timestamps_without_the_format_of_the_profile() {
    for text in ["", "1.5", "-1", " 1", "1\n", "1750000000000000000", "2025-04-01T16:12:57Z", "١٢"] {
        let message = Message::new(NOW, ID, b"{}").with_timestamp_text(text);
        refused("harbor-lockers", &message, SignError::Timestamp(hookseal::TimestampError::Shape));
    }
    let before_1970 = Message::new(Timestamp::from_unix_seconds(-1), ID, b"{}");
    refused("harbor-transfers", &before_1970, SignError::Timestamp(hookseal::TimestampError::Shape));
    let beyond_rfc3339 = Message::new(Timestamp::from_unix_millis(i64::MAX), ID, b"{}");
    refused("harbor-node", &beyond_rfc3339, SignError::Timestamp(hookseal::TimestampError::Shape));
}

fn delivery_headers(
    policy: &DeliveryPolicy,
    message: &Message<'_>,
) -> Result<Vec<(String, String)>, SignError> {
    let mut headers = SignedHeaders::new();
    let written = policy.write_headers(message, &mut headers);
    assert!(written.is_ok() || headers.is_empty());
    written.map(|()| headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[test]
fn writes_delivery_headers() {
    let message = Message::new(NOW, ID, b"{}").with_event_type("order.confirmed").with_subscription("sub_1");
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        delivery_headers(builtin("harmon").delivery(), &message),
        Ok(vec![
            line("content-type", "application/json"),
            line("x-harmon-delivery", "01890a5d-ac96-774b-bcce-b302099a8057"),
            line("x-harmon-event", "order.confirmed"),
        ])
    );
    assert_eq!(
        delivery_headers(builtin("harvestr").delivery(), &message),
        Ok(vec![line("content-type", "application/json"), line("x-harvestr-webhook-id", "sub_1")])
    );
}

#[test]
fn refuses_delivery_headers_that_would_split() {
    let harmon = builtin("harmon").delivery();
    let message = |event_type, id| Message::new(NOW, id, b"{}").with_event_type(event_type);
    let evil = delivery_headers(harmon, &message("a\r\nx-evil: 1", ID));
    assert_eq!(evil, Err(SignError::NotVisibleAscii { what: "event type" }));
    assert_eq!(delivery_headers(harmon, &message("a", "17")), Err(SignError::NotUuid));
    assert_eq!(
        delivery_headers(harmon, &Message::new(NOW, ID, b"")),
        Err(SignError::Missing { what: "event type" })
    );
    let no_subscription = delivery_headers(builtin("harvestr").delivery(), &Message::new(NOW, ID, b""));
    assert_eq!(no_subscription, Err(SignError::Missing { what: "subscription id" }));
}

#[test]
fn the_challenge_has_a_header_and_a_body_of_its_own() {
    let profile = builtin("harvestr");
    let challenge = profile.challenge().unwrap();
    assert_eq!(challenge.body("abc"), br#"{"challenge":"abc"}"#);
    assert_eq!(
        challenge.headers("abc").collect::<Vec<_>>(),
        [("content-type", "application/json".to_owned())]
    );
    assert!(challenge.success().contains(204) && !challenge.success().contains(209));
    let signer =
        Signer::new(profile, hookseal::Part::Challenge, &[Secret::new("s")], &Params::new()).unwrap();
    let mut headers = SignedHeaders::new();
    signer.sign(&Message::new(NOW, ID, b"{}"), &mut headers).unwrap();
    assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x-harvestr-signature"]);
}

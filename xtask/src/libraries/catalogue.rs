//! The libraries, the profile that each one speaks, and the keys of the exchange.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Which language a library is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    Node,
    Python,
}

/// A library of somebody else.
pub(super) struct Library {
    pub(super) name: &'static str,
    pub(super) runner: Runner,
    pub(super) profile: &'static str,
    pub(super) keys: Keys,
    pub(super) params: &'static [(&'static str, &'static str)],
    pub(super) bodies: Bodies,
    /// How far ahead of the clock it is signed for, where the library takes a time of the future and its past is too
    /// short for a slow machine.
    pub(super) ahead_s: i64,
}

/// Keys made for this exchange, in the vendor's notation. With a shared secret both are the same.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) sign: &'static str,
    pub(super) verify: &'static str,
    /// A key of the same kind that verifies nothing.
    pub(super) other: &'static str,
}

/// What the bodies look like. The libraries take text, so all of them are UTF-8.
#[derive(Clone, Copy)]
pub(super) enum Bodies {
    /// JSON objects as they come, and texts that are none.
    Any,
    /// JSON objects as they come.
    Json,
    /// JSON objects, written compactly: the library reads and writes them again.
    CompactJson,
    /// JSON objects, and the query of the URL that a library signs holds their digest.
    DigestInUrl,
    /// Forms.
    Form,
    /// The form that Braintree sends, with a signature to be put in.
    Braintree,
    /// A payment notification of Adyen, with a signature to be put in.
    AdyenPayment,
}

const fn shared(secret: &'static str, other: &'static str) -> Keys {
    Keys { sign: secret, verify: secret, other }
}

const WHSEC: Keys =
    shared("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const TEXT: Keys = shared("a-secret-of-this-exchange-0001", "a-secret-of-this-exchange-0002");
const HEX: Keys = shared(
    "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "54782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
);
const BASE64: Keys = shared(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
    "vzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
);
/// Contentful's are 64 characters long.
const CONTENTFUL: Keys = shared(
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
    "bbcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
);

/// The seed and the public key, in hexadecimal.
const ED25519: Keys = Keys {
    sign: "08280486dcc0b4ab968f5db124791ea4476fabc653835a311e08e2f253942535",
    verify: "4dcce594fa7c06628b58ec0a018dbbbf5d27d16a4eff5725c9ecb3ffccfae11a",
    other: "e97ed71da8ac0f34894b1ec0e557fb497cd0cbcf398356de0f257abe3f5d9c3c",
};
/// PKCS#8 and SubjectPublicKeyInfo, in base64.
const P256: Keys = Keys {
    sign: "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggNUVCTRQe/7NAVmxfvLixi3i3x3X7LdN4ygyz/vSj2ShRANCAAR1Y50Eqe71OMis8vSweFa0/j2YRyAOgW1mUtkSJwwTGeZZSBZiDFZsSSOK4ajRTbai17tg6GCQdI8J6fi/1/TR",
    verify: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdWOdBKnu9TjIrPL0sHhWtP49mEcgDoFtZlLZEicMExnmWUgWYgxWbEkjiuGo0U22ote7YOhgkHSPCen4v9f00Q==",
    other: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPqRUWsPcgB31ejt+v8kbFxUrwHpIJi0ci9j0IUgraibgGUpNpHblyTxL5ADZ/bF/1/VRemggG8iQBnZcTjmIvA==",
};
/// JSON Web Keys, the private one of them with `d`.
const JWK: Keys = Keys {
    sign: r#"{"kty":"EC","crv":"P-256","kid":"key-1","alg":"ES256","use":"sig","x":"dWOdBKnu9TjIrPL0sHhWtP49mEcgDoFtZlLZEicMExk","y":"5llIFmIMVmxJI4rhqNFNtqLXu2DoYJB0jwnp-L_X9NE","d":"gNUVCTRQe_7NAVmxfvLixi3i3x3X7LdN4ygyz_vSj2Q"}"#,
    verify: r#"{"kty":"EC","crv":"P-256","kid":"key-1","alg":"ES256","use":"sig","x":"dWOdBKnu9TjIrPL0sHhWtP49mEcgDoFtZlLZEicMExk","y":"5llIFmIMVmxJI4rhqNFNtqLXu2DoYJB0jwnp-L_X9NE"}"#,
    other: r#"{"kty":"EC","crv":"P-256","kid":"key-1","alg":"ES256","use":"sig","x":"PqRUWsPcgB31ejt-v8kbFxUrwHpIJi0ci9j0IUgraiY","y":"4BlKTaR25ck8S-QA2f2xf9f1UXpoIBvIkAZ2XE45iLw"}"#,
};

const fn node(name: &'static str, profile: &'static str, keys: Keys, bodies: Bodies) -> Library {
    Library { name, runner: Runner::Node, profile, keys, params: &[], bodies, ahead_s: 0 }
}

const fn python(name: &'static str, profile: &'static str, keys: Keys, bodies: Bodies) -> Library {
    Library { name, runner: Runner::Python, profile, keys, params: &[], bodies, ahead_s: 0 }
}

pub(super) const LIBRARIES: &[Library] = &[
    node("standardwebhooks", "standard-webhooks", WHSEC, Bodies::CompactJson),
    node("svix", "svix", WHSEC, Bodies::CompactJson),
    node("stripe", "stripe", TEXT, Bodies::Json),
    node("@octokit/webhooks-methods", "github-sha256", TEXT, Bodies::Any),
    node("twilio (form)", "twilio-form", TEXT, Bodies::Form),
    node("twilio (JSON)", "twilio-json", TEXT, Bodies::DigestInUrl),
    node("@sanity/webhook", "sanity", TEXT, Bodies::Any),
    node("@workos-inc/node", "workos", TEXT, Bodies::CompactJson),
    node("@mux/mux-node", "mux", TEXT, Bodies::Any),
    // Its tolerance is 5 s, and is for the past alone.
    Library { ahead_s: 120, ..node("@paddle/paddle-node-sdk", "paddle", TEXT, Bodies::Any) },
    node("@contentful/node-apps-toolkit", "contentful", CONTENTFUL, Bodies::Any),
    node("discord-interactions", "discord", ED25519, Bodies::Any),
    node("@sendgrid/eventwebhook", "sendgrid", P256, Bodies::Any),
    node("jose (Netlify)", "netlify", TEXT, Bodies::Any),
    node("jose (Plaid)", "plaid", JWK, Bodies::Any),
    node("http-message-signatures (npm)", "rfc9421-hmac", BASE64, Bodies::Any),
    python("standardwebhooks (PyPI)", "standard-webhooks", WHSEC, Bodies::CompactJson),
    python("stripe (PyPI)", "stripe", TEXT, Bodies::Any),
    python("slack-sdk", "slack", TEXT, Bodies::Any),
    Library {
        params: &[("public_key", "integration_public_key")],
        ..python("braintree", "braintree", TEXT, Bodies::Braintree)
    },
    python("Adyen (payments)", "adyen-payments", HEX, Bodies::AdyenPayment),
    python("Adyen (header)", "adyen-header", HEX, Bodies::Any),
    python("razorpay", "razorpay", TEXT, Bodies::Any),
    python("squareup", "square", TEXT, Bodies::Any),
    python("hubspot-api-client (v1)", "hubspot-v1", TEXT, Bodies::Any),
    python("hubspot-api-client (v2)", "hubspot-v2", TEXT, Bodies::Any),
    python("hubspot-api-client (v3)", "hubspot-v3", TEXT, Bodies::Any),
    // It wants the key to be named.
    Library {
        params: &[("keyid", "the-key")],
        ..python("http-message-signatures (PyPI)", "rfc9421-hmac", BASE64, Bodies::Any)
    },
];

impl Library {
    /// A key that verifies nothing of the exchange.
    pub(super) fn other_key(&self) -> &'static str {
        self.keys.other
    }

    /// The URL that the request goes to, before a signature puts something into it.
    pub(super) fn url_without_digest(&self) -> String {
        "https://hooks.example.test/in/1?shop=a&page=2".to_owned()
    }

    /// The URL that the request goes to.
    pub(super) fn url_for(&self, body: &str) -> String {
        let mut url = self.url_without_digest();
        if matches!(self.bodies, Bodies::DigestInUrl) {
            url.push_str("&bodySHA256=");
            for byte in Sha256::digest(body.as_bytes()) {
                // Writing to a text cannot fail.
                let _ = write!(url, "{byte:02x}");
            }
        }
        url
    }
}

const ANY: [&str; 4] = [
    "{\"event\":\"order.confirmed\",\"amount\":1.50}",
    "{ \"spaces\" :  true }\n",
    "{\"text\":\"caf\u{e9} \u{1f512} $& $$ {body}\"}\r\n",
    "no JSON at all",
];

impl Bodies {
    pub(super) fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Any => &ANY,
            Self::Json => &ANY[..ANY.len() - 1],
            Self::CompactJson | Self::DigestInUrl => &[
                "{\"event\":\"order.confirmed\",\"amount\":1.5}",
                "{\"text\":\"caf\u{e9} \u{1f512} $& $$ {body}\",\"list\":[1,2,3]}",
            ],
            Self::Form => &["CallSid=CA1&From=%2B14158675309&To=x", "b=2&a=1&Body=caf%C3%A9+%26+more"],
            Self::Braintree => &[
                "bt_payload=PG5vdGlmaWNhdGlvbj48dGltZXN0YW1wIHR5cGU9ImRhdGV0aW1lIj4yMDI2LTExLTIxVDIzOjM5%0AOjU5WjwvdGltZXN0YW1wPjxraW5kPmNoZWNrPC9raW5kPjxzdWJqZWN0PjxjaGVjayB0eXBlPSJi%0Ab29sZWFuIj50cnVlPC9jaGVjaz48L3N1YmplY3Q%2BPC9ub3RpZmljYXRpb24%2B%0A",
            ],
            Self::AdyenPayment => &[concat!(
                r#"{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"-"},"#,
                r#""amount":{"currency":"EUR","value":1130},"pspReference":"7914073381342284","eventCode":"AUTHORISATION","#,
                r#""eventDate":"2019-05-06T17:15:34.121+02:00","merchantAccountCode":"TestMerchant","#,
                r#""merchantReference":"TestPayment-1407325143704","paymentMethod":"visa","success":"true"}}]}"#
            )],
        }
    }

    /// The body with one signed character changed.
    pub(super) fn changed(self, body: &str) -> String {
        let (from, to) = match self {
            Self::Any if !body.starts_with('{') => ("no", "on"),
            Self::Any | Self::Json => ("e", "3"),
            Self::CompactJson | Self::DigestInUrl => ("{\"", "{\"x"),
            Self::Form => ("=", "=x"),
            Self::Braintree => ("bt_payload=", "bt_payload=x"),
            Self::AdyenPayment => ("1130", "1131"),
        };
        body.replacen(from, to, 1)
    }
}

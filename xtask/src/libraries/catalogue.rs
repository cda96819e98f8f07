//! The libraries, the profile that each one speaks, and the keys of the exchange.

use std::fmt::Write;

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
    /// JSON objects, written compactly: the library reads and writes them again.
    CompactJson,
    /// JSON objects, and the query of the URL holds their digest.
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

const fn node(name: &'static str, profile: &'static str, keys: Keys, bodies: Bodies) -> Library {
    Library { name, runner: Runner::Node, profile, keys, params: &[], bodies }
}

const fn python(name: &'static str, profile: &'static str, keys: Keys, bodies: Bodies) -> Library {
    Library { name, runner: Runner::Python, profile, keys, params: &[], bodies }
}

pub(super) const LIBRARIES: &[Library] = &[
    node("standardwebhooks", "standard-webhooks", WHSEC, Bodies::CompactJson),
    node("svix", "svix", WHSEC, Bodies::CompactJson),
    node("stripe", "stripe", TEXT, Bodies::Any),
    node("@octokit/webhooks-methods", "github-sha256", TEXT, Bodies::Any),
    node("twilio (form)", "twilio-form", TEXT, Bodies::Form),
    node("twilio (JSON)", "twilio-json", TEXT, Bodies::DigestInUrl),
    node("@sanity/webhook", "sanity", TEXT, Bodies::Any),
    node("@workos-inc/node", "workos", TEXT, Bodies::CompactJson),
    node("@mux/mux-node", "mux", TEXT, Bodies::Any),
    node("@paddle/paddle-node-sdk", "paddle", TEXT, Bodies::Any),
    node("@contentful/node-apps-toolkit", "contentful", CONTENTFUL, Bodies::Any),
    node("jose (Netlify)", "netlify", TEXT, Bodies::Any),
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
    python("http-message-signatures (PyPI)", "rfc9421-hmac", BASE64, Bodies::Any),
];

impl Library {
    /// A key that verifies nothing of the exchange.
    pub(super) fn other_key(&self) -> &'static str {
        self.keys.other
    }

    /// The URL that the request goes to.
    pub(super) fn url_for(&self, body: &str) -> String {
        let mut url = "https://hooks.example.test/in/1?shop=a&page=2".to_owned();
        if matches!(self.bodies, Bodies::DigestInUrl) {
            let _ = write!(url, "&bodySHA256={}", hookseal_testkit::outside::sha256_hex(body.as_bytes()));
        }
        url
    }
}

impl Bodies {
    pub(super) fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Any => &[
                "{\"event\":\"order.confirmed\",\"amount\":1.50}",
                "{ \"spaces\" :  true }\n",
                "{\"text\":\"caf\u{e9} \u{1f512} $& $$ {body}\"}\r\n",
                "no JSON at all",
            ],
            Self::CompactJson | Self::DigestInUrl => &[
                "{\"event\":\"order.confirmed\",\"amount\":1.5}",
                "{\"text\":\"caf\u{e9} \u{1f512} $& $$ {body}\",\"list\":[1,2,3]}",
            ],
            Self::Form => &["CallSid=CA1&From=%2B14158675309&To=x", "b=2&a=1&Body=caf%C3%A9+%26+more"],
            Self::Braintree => &["bt_payload=PG5vdGlmaWNhdGlvbi8%2B%0A"],
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
            Self::Any => ("e", "3"),
            Self::CompactJson | Self::DigestInUrl => ("{\"", "{\"x"),
            Self::Form => ("=", "=x"),
            Self::Braintree => ("bt_payload=", "bt_payload=x"),
            Self::AdyenPayment => ("1130", "1131"),
        };
        body.replacen(from, to, 1)
    }
}

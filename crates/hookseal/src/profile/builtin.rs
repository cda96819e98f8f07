//! The profiles that are built in.

use std::sync::{Arc, OnceLock};

use super::Profile;

/// An embedded document, read when it is first asked for: nobody uses all of them.
struct Builtin {
    name: &'static str,
    source: &'static str,
    profile: OnceLock<Arc<Profile>>,
}

macro_rules! builtins {
    ($($name:literal),* $(,)?) => {
        [$(Builtin {
            name: $name,
            source: include_str!(concat!("../../profiles/", $name, ".toml")),
            profile: OnceLock::new(),
        }),*]
    };
}

/// By name, so that one is found by halving.
#[rustfmt::skip]
static BUILTINS: [Builtin; 88] = builtins![
    "adyen-header",
    "adyen-payments",
    "airtable",
    "asana",
    "auth0-log-stream",
    "aws-sns",
    "bitbucket",
    "box",
    "braintree",
    "calendly",
    "circleci",
    "clerk",
    "cloudevents",
    "cloudflare-notifications",
    "cloudflare-stream",
    "coinbase-commerce",
    "contentful",
    "convoy-advanced",
    "convoy-simple",
    "discord",
    "docker-hub",
    "docusign",
    "dropbox",
    "elevenlabs",
    "fal-ai",
    "flutterwave-v3",
    "flutterwave-v4",
    "github-sha1",
    "github-sha256",
    "gitlab-signing-token",
    "gitlab-token",
    "google-pubsub",
    "harbor-lockers",
    "harbor-node",
    "harbor-transfers",
    "harmon",
    "harvestr",
    "heroku",
    "hook0-v0",
    "hook0-v1",
    "hubspot-v1",
    "hubspot-v2",
    "hubspot-v3",
    "intercom",
    "lemonsqueezy",
    "linear",
    "mailgun",
    "meta",
    "mollie",
    "ms-graph",
    "ms-teams-outgoing",
    "mux",
    "netlify",
    "notion",
    "okta",
    "outpost",
    "paddle",
    "pagerduty",
    "paypal",
    "paystack",
    "persona",
    "plaid",
    "postmark",
    "razorpay",
    "resend",
    "rfc9421-ed25519",
    "rfc9421-hmac",
    "sanity",
    "sendgrid",
    "sentry",
    "shopify",
    "slack",
    "square",
    "standard-webhooks",
    "standard-webhooks-v1a",
    "stripe",
    "svix",
    "trello",
    "twilio-form",
    "twilio-json",
    "typeform",
    "vercel",
    "websub",
    "woocommerce",
    "workos",
    "x-twitter",
    "zendesk",
    "zoom",
];

pub(super) fn by_name(name: &str) -> Option<&'static Arc<Profile>> {
    let index = BUILTINS.binary_search_by(|builtin| builtin.name.cmp(name)).ok()?;
    Some(BUILTINS[index].profile())
}

pub(super) fn all() -> impl ExactSizeIterator<Item = &'static Arc<Profile>> + Clone {
    BUILTINS.iter().map(Builtin::profile)
}

impl Builtin {
    fn profile(&'static self) -> &'static Arc<Profile> {
        self.profile.get_or_init(|| {
            Arc::new(Profile::parse(self.source).expect("invariant: a test reads every built-in profile"))
        })
    }
}

//! The sample files.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Origin, Sample};

/// The samples of one profile, read when they are first asked for.
struct Samples {
    profile: &'static str,
    source: &'static str,
    read: OnceLock<Vec<Sample>>,
}

/// A sample file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    content_type: String,
    id: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    event: Vec<Entry>,
}

/// An event of a sample file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    r#type: String,
    title: String,
    #[serde(default)]
    origin: Origin,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: String,
}

macro_rules! samples {
    ($($profile:literal),* $(,)?) => {
        [$(Samples {
            profile: $profile,
            source: include_str!(concat!("../../samples/", $profile, ".toml")),
            read: OnceLock::new(),
        }),*]
    };
}

/// By name, so that one is found by halving.
static SAMPLES: [Samples; 52] = samples![
    "adyen-payments",
    "asana",
    "aws-sns",
    "bitbucket",
    "calendly",
    "circleci",
    "clerk",
    "cloudevents",
    "discord",
    "docker-hub",
    "dropbox",
    "github-sha1",
    "github-sha256",
    "gitlab-signing-token",
    "gitlab-token",
    "harbor-lockers",
    "harbor-node",
    "harbor-transfers",
    "harmon",
    "harvestr",
    "hubspot-v3",
    "intercom",
    "lemonsqueezy",
    "linear",
    "mailgun",
    "meta",
    "mollie",
    "ms-graph",
    "notion",
    "okta",
    "paddle",
    "pagerduty",
    "paystack",
    "plaid",
    "postmark",
    "razorpay",
    "resend",
    "sendgrid",
    "sentry",
    "shopify",
    "slack",
    "square",
    "standard-webhooks",
    "stripe",
    "svix",
    "twilio-form",
    "typeform",
    "vercel",
    "woocommerce",
    "workos",
    "zendesk",
    "zoom",
];

pub(super) fn of(profile: &str) -> &'static [Sample] {
    match SAMPLES.binary_search_by(|samples| samples.profile.cmp(profile)) {
        Ok(index) => SAMPLES[index].read(),
        Err(_) => &[],
    }
}

pub(super) fn profiles() -> impl ExactSizeIterator<Item = &'static str> {
    SAMPLES.iter().map(|samples| samples.profile)
}

impl Samples {
    fn read(&'static self) -> &'static [Sample] {
        self.read.get_or_init(|| {
            let file: File =
                toml::from_str(self.source).expect("invariant: a test reads every file of samples");
            file.samples(self.profile)
        })
    }
}

impl File {
    fn samples(self, profile: &'static str) -> Vec<Sample> {
        let sample = |entry: Entry| Sample {
            profile,
            name: entry.name.unwrap_or_else(|| entry.r#type.clone()),
            event_type: entry.r#type,
            title: entry.title,
            origin: entry.origin,
            content_type: self.content_type.clone(),
            headers: self.headers.clone().into_iter().chain(entry.headers).collect(),
            id: self.id.clone(),
            body: entry.body,
        };
        self.event.into_iter().map(sample).collect()
    }
}

//! What the demo plays on: a server, a receiver for each vendor, and a subscription for each receiver.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use hookseal::{Part, Profile, Secret, VerifyOptions};
use hookseal_engine::ports::Entropy;
use http::{HeaderValue, StatusCode, header};
use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::{
    DemoError,
    client::{self, Answer},
    vendors::{Origin, Sample, VENDORS, Vendor},
};
use crate::{
    cli::FetchArgs,
    commands::{
        listen::{Checker, Outcome, Receiver, Report},
        serve::Service,
    },
    config::{Config, LogFormat},
    inputs::Chosen,
    limits,
    ports::OsEntropy,
};

/// The server and everything around it.
pub(super) struct Stage {
    service: Service,
    operator_key: String,
    /// The vendors with their receivers.
    pub(super) actors: Vec<Actor>,
    reports: mpsc::Receiver<Report>,
}

/// A vendor with its receiver.
pub(super) struct Actor {
    /// The vendor.
    pub(super) vendor: &'static Vendor,
    /// Its profile.
    pub(super) profile: Arc<Profile>,
    /// The secret that the server signs with and the receiver verifies with.
    pub(super) secret: Secret,
    receiver: Receiver,
}

/// The body of `POST /v1/webhooks`.
#[derive(Serialize)]
struct NewWebhook<'a> {
    endpoint_url: String,
    profile: &'a str,
    secret: &'a str,
    event_types: Vec<&'a str>,
}

/// The body of `POST /v1/events`.
#[derive(Serialize)]
struct NewEvent<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
}

impl Stage {
    /// Starts the server on a store in `data` and a receiver for each vendor, and subscribes them over the HTTP API.
    pub(super) async fn set(data: &Path) -> Result<Self, DemoError> {
        let entropy = OsEntropy::new()?;
        let operator_key = operator_key(&entropy);
        let service = Service::start(&config(data, &operator_key)).await?;
        let (sender, reports) = mpsc::channel(limits::REPORTS_WAITING_MAX);
        let mut stage = Self { service, operator_key, actors: Vec::new(), reports };
        for vendor in &VENDORS {
            let actor = Actor::enter(vendor, &entropy, sender.clone()).await?;
            stage.subscribe(&actor).await?;
            stage.proof(&actor).await?;
            stage.actors.push(actor);
        }
        Ok(stage)
    }

    /// Where the server listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// The key to call the server with.
    pub(super) fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// Publishes a sample event.
    pub(super) async fn publish(&self, sample: &Sample) -> Result<(), DemoError> {
        let verbatim = sample.origin == Origin::PrintedNotJson;
        let payload = match verbatim {
            true => None,
            false => Some(serde_json::from_str::<&RawValue>(sample.body).map_err(DemoError::Json)?),
        };
        let event = NewEvent {
            event_type: sample.event_type,
            payload,
            payload_base64: verbatim.then(|| STANDARD.encode(sample.body)),
            content_type: verbatim.then_some("application/json"),
        };
        self.call("/v1/events", &event, StatusCode::ACCEPTED).await
    }

    /// The next request that a receiver got, if one comes in time.
    pub(super) async fn report(&mut self) -> Option<Report> {
        tokio::time::timeout(limits::DEMO_WAIT, self.reports.recv()).await.ok().flatten()
    }

    /// The next request that a receiver got, whenever it comes.
    pub(super) async fn next_report(&mut self) -> Option<Report> {
        self.reports.recv().await
    }

    /// Stops the server and then the receivers.
    pub(super) async fn stop(self) {
        self.service.stop().await;
        for actor in self.actors {
            actor.receiver.stop().await;
        }
    }

    /// Waits until a receiver has proved itself, where its vendor asks for that before it delivers anything.
    async fn proof(&mut self, actor: &Actor) -> Result<(), DemoError> {
        if actor.profile.challenge().is_none() {
            return Ok(());
        }
        match self.report().await {
            Some(report) if matches!(report.outcome, Outcome::Handshake { .. }) => Ok(()),
            _ => Err(DemoError::Challenge(actor.vendor.profile)),
        }
    }

    async fn subscribe(&self, actor: &Actor) -> Result<(), DemoError> {
        let mut event_types: Vec<_> = actor.vendor.samples.iter().map(|sample| sample.event_type).collect();
        event_types.dedup();
        let webhook = NewWebhook {
            endpoint_url: format!("http://{}/", actor.address()),
            profile: actor.profile.name(),
            secret: str::from_utf8(actor.secret.expose()).map_err(DemoError::SecretText)?,
            event_types,
        };
        self.call("/v1/webhooks", &webhook, StatusCode::CREATED).await
    }

    async fn call(
        &self,
        path: &'static str,
        body: &impl Serialize,
        expected: StatusCode,
    ) -> Result<(), DemoError> {
        let body = Bytes::from(serde_json::to_vec(body).map_err(DemoError::Json)?);
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", self.operator_key)).map_err(http::Error::from)?;
        bearer.set_sensitive(true);
        let headers = [
            (header::AUTHORIZATION, bearer),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        let Answer { status, body } = client::post(self.address(), path, headers, body).await?;
        match status == expected {
            true => Ok(()),
            false => {
                Err(DemoError::Answer { path, status, body: String::from_utf8_lossy(&body).into_owned() })
            }
        }
    }
}

impl Actor {
    async fn enter(
        vendor: &'static Vendor,
        entropy: &OsEntropy,
        reports: mpsc::Sender<Report>,
    ) -> Result<Self, DemoError> {
        let profile =
            Arc::clone(Profile::builtin(vendor.profile).ok_or(DemoError::NoProfile(vendor.profile))?);
        let mut bits = [0; 32];
        entropy.fill(&mut bits);
        let secret = profile.delivery().new_secret(&bits);
        let secrets = [secret.clone()];
        let chosen = Chosen { profile: Arc::clone(&profile), part: Part::Delivery };
        let checker = Checker::new(chosen, &secrets, &VerifyOptions::default(), &FetchArgs::default())?;
        let receiver = Receiver::start((Ipv4Addr::LOCALHOST, 0).into(), checker, reports).await?;
        Ok(Self { vendor, profile, secret, receiver })
    }

    /// Where its receiver listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.receiver.address()
    }
}

fn config(data: &Path, operator_key: &str) -> Config {
    Config {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        data: data.to_owned(),
        allow_networks: vec![IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8))],
        deny_networks: Vec::new(),
        egress_proxy: None,
        egress_proxy_trusted: false,
        egress_proxy_bypass: Vec::new(),
        user_agent: concat!("hookseal/", env!("CARGO_PKG_VERSION")).to_owned(),
        operator_key: Some(Secret::new(operator_key)),
        max_body: hookseal_engine::limits::BODY_BYTES_DEFAULT,
        retention: None,
        log: super::LOG.to_owned(),
        log_format: LogFormat::Text,
    }
}

/// A key of its own, as the directory may hold a store whose first key was shown long ago.
fn operator_key(entropy: &OsEntropy) -> String {
    let mut bits = [0; 32];
    entropy.fill(&mut bits);
    format!("hs_live_{}", URL_SAFE_NO_PAD.encode(bits))
}

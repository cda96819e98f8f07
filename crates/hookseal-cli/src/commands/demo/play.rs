//! The acts of the demo: deliveries that verify, and forged and stale requests that do not.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use hookseal::{ErrorKind, Message, Params, Part, SignedHeaders, Signer};
use hookseal_engine::ports::Clock;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{
    DemoError, client,
    stage::{Actor, Stage},
    vendors::{Sample, Vendor},
};
use crate::{
    commands::{
        listen::{Outcome, Report},
        sign::fresh_id,
    },
    output::{self, OutputError},
    ports::SystemClock,
};

/// How old a stale request is: far beyond any vendor's tolerance.
const STALE: Duration = Duration::from_secs(3600);

/// The demo as it goes.
pub(super) struct Play<'s> {
    stage: &'s mut Stage,
    /// The last delivery of each vendor as its receiver got it.
    delivered: BTreeMap<&'static str, Report>,
    verified: BTreeSet<&'static str>,
    refused: usize,
    wrong: Vec<String>,
}

/// How the demo went.
pub(super) struct Findings {
    /// How many vendors' receivers verified all that was delivered to them.
    pub(super) verified: usize,
    /// How many forged and stale requests were refused, each for the right reason.
    pub(super) refused: usize,
    /// What did not come out right, in words.
    pub(super) wrong: Vec<String>,
}

impl<'s> Play<'s> {
    pub(super) fn new(stage: &'s mut Stage) -> Self {
        Self { stage, delivered: BTreeMap::new(), verified: BTreeSet::new(), refused: 0, wrong: Vec::new() }
    }

    pub(super) fn finish(self) -> Findings {
        Findings { verified: self.verified.len(), refused: self.refused, wrong: self.wrong }
    }

    /// Publishes every sample and waits for its receiver to verify it.
    pub(super) async fn deliveries(&mut self) -> Result<(), DemoError> {
        output::line("\nDelivered: published over the API, signed as the vendor signs")?;
        for index in 0..self.stage.actors.len() {
            let vendor = self.stage.actors[index].vendor;
            let mut all = true;
            for sample in vendor.samples {
                self.stage.publish(sample).await?;
                all &= self.delivery(vendor, sample).await?;
            }
            if all {
                self.verified.insert(vendor.profile);
            }
        }
        Ok(())
    }

    /// Waits for one delivery. Whether it came as it was published, and verified.
    async fn delivery(&mut self, vendor: &Vendor, sample: &Sample) -> Result<bool, OutputError> {
        let name = vendor.profile;
        let Some(report) = self.stage.report().await else {
            self.wrong.push(format!("{name}: {} was not delivered", sample.event_type));
            return Ok(false);
        };
        let problem = match &report.outcome {
            _ if report.profile != name => Some(format!("it went to {}", report.profile)),
            Outcome::Verified(_) if report.body != sample.body => {
                Some("its bytes changed on the way".to_owned())
            }
            Outcome::Verified(_) => None,
            outcome => Some(words(outcome)),
        };
        let verdict = if problem.is_none() { "verified" } else { "refused" };
        let (event_type, bytes) = (sample.event_type, report.body.len());
        line(name, format_args!("{verdict}  {event_type}, {bytes} bytes, {}", sample.origin.words()))?;
        let right = problem.is_none();
        self.wrong.extend(problem.map(|problem| format!("{name}: {event_type}: {problem}")));
        self.delivered.insert(vendor.profile, report);
        Ok(right)
    }

    /// Sends each vendor's last delivery once more with one byte of its body changed.
    pub(super) async fn forgeries(&mut self) -> Result<(), DemoError> {
        output::line("\nForged: the same request, with one byte of its body changed")?;
        for index in 0..self.stage.actors.len() {
            let name = self.stage.actors[index].vendor.profile;
            let Some(delivered) = self.delivered.get(name) else { continue };
            let (headers, body) = (replayed(&delivered.headers), with_one_byte_changed(&delivered.body));
            let outcome = self.send(index, headers, body).await?;
            self.expect_refusal(name, &outcome, ErrorKind::SignatureMismatch)?;
        }
        Ok(())
    }

    /// Sends each vendor an old request. Where the vendor signs no time, it is seen to verify again.
    pub(super) async fn stale_requests(&mut self) -> Result<(), DemoError> {
        output::line("\nStale: signed with the right secret an hour ago")?;
        for index in 0..self.stage.actors.len() {
            let actor = &self.stage.actors[index];
            let (name, replayable) = (actor.vendor.profile, actor.profile.scheme().flags().replayable);
            if replayable {
                self.replay(index).await?;
            } else {
                let (headers, body) = old_request(actor)?;
                let outcome = self.send(index, headers, body).await?;
                self.expect_refusal(name, &outcome, ErrorKind::TimestampTooOld)?;
            }
        }
        Ok(())
    }

    async fn replay(&mut self, index: usize) -> Result<(), DemoError> {
        let actor = &self.stage.actors[index];
        let (name, id_header) = (actor.vendor.profile, actor.profile.scheme().id_header().map(str::to_owned));
        let Some(delivered) = self.delivered.get(name) else { return Ok(()) };
        let (headers, body) = (replayed(&delivered.headers), delivered.body.clone());
        let outcome = self.send(index, headers, body).await?;
        let advice = match id_header {
            Some(header) => format!("remember {header}, though it is not signed either"),
            None => "the vendor sends no delivery id to remember".to_owned(),
        };
        match outcome {
            Some(Outcome::Verified(_)) => {
                line(
                    name,
                    format_args!("verified  the vendor signs no time, so a replay cannot be told: {advice}"),
                )?;
            }
            Some(outcome) => self.wrong.push(format!("{name}: a replay was {}", words(&outcome))),
            None => self.wrong.push(format!("{name}: a replay was answered otherwise than it was reported")),
        }
        Ok(())
    }

    /// Sends a request to a vendor's receiver. Gives what the receiver reports, if that and its answer agree.
    async fn send(
        &mut self,
        index: usize,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Option<Outcome>, DemoError> {
        let actor = &self.stage.actors[index];
        let name = actor.vendor.profile;
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let answer = client::post(actor.address(), "/", headers, body).await?;
        let Some(report) = self.stage.report().await else { return Ok(None) };
        let agrees = match report.outcome {
            Outcome::Verified(_) => answer.status.is_success(),
            _ => answer.status == StatusCode::UNAUTHORIZED,
        };
        Ok((agrees && report.profile == name).then_some(report.outcome))
    }

    fn expect_refusal(
        &mut self,
        name: &str,
        outcome: &Option<Outcome>,
        expected: ErrorKind,
    ) -> Result<(), OutputError> {
        match outcome {
            Some(Outcome::Refused(error)) if error.kind() == expected => {
                self.refused += 1;
                line(name, format_args!("refused   {expected}"))
            }
            Some(outcome) => {
                self.wrong.push(format!("{name}: {} instead of {expected}", words(outcome)));
                line(name, words(outcome))
            }
            None => {
                self.wrong.push(format!("{name}: no refusal, or not the one that was reported"));
                line(name, "no answer that agrees with the report")
            }
        }
    }
}

fn line(vendor: &str, text: impl std::fmt::Display) -> Result<(), OutputError> {
    output::line(format_args!("  {vendor:<16}  {text}"))
}

fn words(outcome: &Outcome) -> String {
    match outcome.error() {
        None => "verified".to_owned(),
        Some((error, detail)) => format!("refused   {error}: {detail}"),
    }
}

/// The headers of a request that was received, without those that belong to its connection.
fn replayed(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION] {
        headers.remove(name);
    }
    headers
}

/// Changes one letter or digit into another: a space would be no forgery to Harbor Lockers, who leave spaces out of
/// what they sign.
fn with_one_byte_changed(body: &[u8]) -> Bytes {
    let mut body = body.to_vec();
    if let Some(byte) = body.iter_mut().find(|byte| byte.is_ascii_alphanumeric()) {
        *byte ^= 1;
    }
    body.into()
}

fn old_request(actor: &Actor) -> Result<(HeaderMap, Bytes), DemoError> {
    let signed_at = SystemClock.now().saturating_sub(STALE);
    let id = fresh_id(signed_at)?;
    let sample = &actor.vendor.samples[0];
    let message = Message::new(signed_at, &id, sample.body.as_bytes()).with_event_type(sample.event_type);
    let signer =
        Signer::new(&actor.profile, Part::Delivery, std::slice::from_ref(&actor.secret), &Params::new())?;
    let mut signed = SignedHeaders::new();
    actor.profile.delivery().write_headers(&message, &mut signed)?;
    signer.sign(&message, &mut signed)?;
    let mut headers = HeaderMap::new();
    for (name, value) in signed.iter() {
        let name = HeaderName::try_from(name).map_err(http::Error::from)?;
        headers.append(name, HeaderValue::try_from(value).map_err(http::Error::from)?);
    }
    Ok((headers, sample.body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgery_differs_in_one_byte_that_is_no_space() {
        let body = b"{ \"a\": 1 }";
        let forged = with_one_byte_changed(body);
        let changed: Vec<_> = body.iter().zip(&forged).filter(|(one, other)| one != other).collect();
        assert_eq!(changed, [(&b'a', &b'`')]);
    }
}

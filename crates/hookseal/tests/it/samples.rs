//! Sample events: each is well formed, and is signed and verified where its profile signs.

use std::collections::BTreeSet;

use hookseal::samples::{self, Fresh, Sample};
use hookseal::{Message, Mode, Part, Profile, Request, SignedHeaders};

use crate::support::{ID, NOW, URL, builtin, secret, signer, verifier};

fn all() -> impl Iterator<Item = &'static Sample> {
    samples::profiles().flat_map(samples::of)
}

fn fresh(seed: u8) -> Fresh {
    Fresh { now: NOW, seed: [seed; 32] }
}

#[test]
fn every_sample_is_well_formed() {
    for sample in all() {
        let place = format!("{} {}", sample.profile(), sample.name());
        assert!(Profile::builtin(sample.profile()).is_some(), "{place}");
        assert!(!sample.title().is_empty() && !sample.title().ends_with('.'), "{place}");
        let event = sample.fill(&fresh(1));
        let body = std::str::from_utf8(&event.body).unwrap();
        assert_eq!(body.trim(), body, "{place}");
        for placeholder in ["{id", "{uuid", "{number", "{hex", "{now", "{event"] {
            assert!(!body.contains(placeholder), "{place} has {placeholder}");
        }
        match sample.content_type() {
            "application/x-www-form-urlencoded" => {
                assert!(body.split('&').all(|pair| pair.split('=').count() == 2), "{place}");
                assert!(body.bytes().all(|byte| byte.is_ascii_graphic()), "{place}");
            }
            _ => drop(serde_json::from_str::<serde_json::Value>(body).unwrap()),
        }
        for (name, value) in &event.headers {
            assert_eq!(*name, name.to_ascii_lowercase(), "{place}");
            assert!(value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{place} {name}");
        }
    }
}

#[test]
fn samples_hold_nobody_s_data() {
    for sample in all() {
        let event = sample.fill(&fresh(1));
        let body = String::from_utf8(event.body).unwrap();
        for (at, _) in body.match_indices('@') {
            let domain: String =
                body[at + 1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
            let of_an_address = body[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            assert!(!of_an_address || domain == "example.com", "{} {domain}", sample.profile());
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    assert!(samples::profiles().len() >= 45 && all().count() >= 110);
    let mut seen = BTreeSet::new();
    for sample in all() {
        assert!(seen.insert((sample.profile(), sample.name())), "{} {}", sample.profile(), sample.name());
        assert_eq!(samples::find(sample.profile(), sample.name()), Some(sample));
    }
    assert!(samples::of("nobody").is_empty());
    assert_eq!(samples::find("stripe", "nothing"), None);
    assert_eq!(samples::find("harbor-lockers", "LOCKER_OPERATION"), None, "three samples are of this type");
    assert!(samples::profiles().is_sorted());
}

#[test]
fn the_five_vendors_have_every_event_of_their_documents() {
    let names = |profile: &str| samples::of(profile).iter().map(Sample::name).collect::<Vec<_>>();
    assert_eq!(
        names("harbor-lockers"),
        ["LOCKER_TOKEN_CREATED", "LOCKER_TOKEN_USED", "DROPOFF_LINK_CREATED"]
    );
    assert_eq!(names("harbor-transfers"), ["completed", "bank_in_process"]);
    assert_eq!(names("harbor-node"), ["execution.completed", "execution.failed"]);
    assert_eq!(names("harvestr"), ["feedback.created", "feedback.updated"]);
    assert_eq!(
        names("harmon"),
        ["order.confirmed", "invoice.issued", "stock.changed", "order.shipped", "product.updated", "ping"]
    );
}

#[test]
fn two_fillings_are_two_events() {
    for sample in all() {
        let (one, other) = (sample.fill(&fresh(1)), sample.fill(&fresh(2)));
        let timeless = |sample: &Sample| {
            let later =
                Fresh { now: NOW.saturating_add(std::time::Duration::from_secs(90_000)), seed: [1; 32] };
            sample.fill(&later) == sample.fill(&fresh(1))
        };
        assert_eq!(one, sample.fill(&fresh(1)));
        let says_when_or_which = one != other || !timeless(sample);
        let constant = ["harmon ping", "asana heartbeat"];
        let place = format!("{} {}", sample.profile(), sample.name());
        assert!(says_when_or_which || constant.contains(&place.as_str()), "{place}");
    }
}

#[test]
fn what_a_profile_signs_verifies() {
    let mut signed = BTreeSet::new();
    for sample in all().filter(|sample| builtin(sample.profile()).signs(Part::Delivery)) {
        let profile = builtin(sample.profile());
        let secrets = [secret(profile, 2)];
        let event = sample.fill(&fresh(3));
        let own: Vec<(&str, &str)> =
            event.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let message = Message::new(NOW, event.id.as_deref().unwrap_or(ID), &event.body)
            .with_event_type(sample.event_type())
            .with_url(URL)
            .with_headers(&own);
        let mut headers = SignedHeaders::new();
        let sealed = signer(profile, &secrets).seal(&message, &mut headers).unwrap();
        let lines: Vec<(&str, &str)> = headers.iter().chain(own.iter().copied()).collect();
        let request = Request { method: "POST", url: &sealed.url, headers: &lines, body: &sealed.body };
        let verified = verifier(profile, &secrets, Mode::Strict).unwrap().verify(&request, NOW).map(drop);
        assert_eq!(verified, Ok(()), "{} {}", sample.profile(), sample.name());
        signed.insert(sample.profile());
    }
    assert_eq!(signed.len(), samples::profiles().len() - 2, "all but docker-hub and cloudevents: {signed:?}");
}

//! What fits together, and what does not.

use std::{error::Error, sync::Arc};

use hookseal::{Profile, Secret, SecretError, ToleranceOverride};
use hookseal_tower::{MemoryGuard, Receiver, ReceiverError};
use http::StatusCode;

use crate::support::{Log, NOW, SECRET, SetClock, builtin, count, post, receiver, signed};

#[test]
fn a_secret_is_needed_and_not_an_empty_one() {
    for secrets in [vec![], vec![Secret::new("")]] {
        let error = Receiver::builder(builtin("harmon")).secrets(secrets).build().unwrap_err();
        assert!(matches!(error, ReceiverError::Secret(_)), "{error}");
        assert!(error.source().unwrap().is::<SecretError>());
    }
}

#[test]
fn a_guard_needs_something_that_is_signed_to_guard_by() {
    for name in ["harmon", "harvestr", "github-sha256", "gitlab-token"] {
        let error = receiver(name).replay(MemoryGuard::new()).build().unwrap_err();
        assert!(matches!(error, ReceiverError::NothingToGuardBy), "{name}: {error}");
        assert!(receiver(name).replay_by_content(MemoryGuard::new()).build().is_ok(), "{name}");
    }
    for name in ["harbor-lockers", "harbor-node", "harbor-transfers", "stripe", "slack"] {
        assert!(receiver(name).replay(MemoryGuard::new()).build().is_ok(), "{name}");
    }
    // A time that is signed tells deliveries apart whether or not it is compared.
    let unlimited = receiver("harbor-node").tolerance(ToleranceOverride::Off);
    assert!(unlimited.replay(MemoryGuard::new()).build().is_ok());
}

#[test]
fn a_duplicate_has_to_be_answered_with_success() {
    let with = |name: &str, status: StatusCode| {
        receiver(name).replay_by_content(MemoryGuard::new()).duplicate_status(status).build()
    };
    assert!(with("harvestr", StatusCode::NO_CONTENT).is_ok());
    // Harvestr takes 200 to 208 alone.
    let refused = with("harvestr", StatusCode::IM_USED).unwrap_err();
    assert!(matches!(refused, ReceiverError::DuplicateStatus { status } if status == StatusCode::IM_USED));
    assert!(with("harbor-node", StatusCode::CONFLICT).is_err());
}

#[test]
fn a_scheme_that_signs_the_url_needs_the_public_one() {
    let build = |url: Option<&str>| {
        let builder = receiver("twilio-form");
        url.map_or(builder, |url| receiver("twilio-form").public_url(url)).build()
    };
    assert!(matches!(build(None), Err(ReceiverError::PublicUrlMissing)));
    assert!(build(Some("https://shop.example/hooks")).is_ok());
    for url in [
        "",
        "shop.example/hooks",
        "/hooks",
        "ftp://shop.example/",
        "https://a.example/?b=c",
        "https://a.example/#b",
    ] {
        assert!(matches!(build(Some(url)), Err(ReceiverError::PublicUrl)), "{url}");
    }
    assert!(receiver("twilio-form").param("url", "https://shop.example/hooks?a=b").build().is_ok());
}

#[tokio::test]
async fn headers_can_be_renamed_where_the_sender_has_them_so() {
    let receiver = receiver("harbor-node")
        .signature_header("X-Mine-Signature")
        .timestamp_header("x-mine-timestamp")
        .build()
        .unwrap();
    assert_eq!(receiver.profile().scheme().signature_header(), Some("x-mine-signature"));
    let signed_by = |profile: &Profile| post(&signed(profile, SECRET, NOW, b"{}"), "{}");
    assert_eq!(count(&receiver, signed_by(receiver.profile())).await.status, 200);
    assert_eq!(count(&receiver, signed_by(builtin("harbor-node"))).await.status, 401);
}

#[tokio::test]
async fn a_profile_of_ones_own_has_the_names_that_are_written_into_it() {
    let text =
        "name = \"mine\"\nextends = \"harbor-node\"\n[scheme.signature]\nheader = \"x-mine-signature\"";
    let profile = Arc::new(Profile::parse(text).unwrap());
    let receiver =
        Receiver::builder(&profile).secret(Secret::new(SECRET)).clock(SetClock::at(NOW)).build().unwrap();
    let request = post(&signed(&profile, SECRET, NOW, b"{}"), "{}");
    assert_eq!(count(&receiver, request).await.status, 200);
}

#[test]
fn headers_that_are_not_there_cannot_be_renamed() {
    let error = receiver("harmon").timestamp_header("x-time").build().unwrap_err();
    assert!(matches!(error, ReceiverError::HeaderFixed { what: "timestamp" }), "{error}");
    let error = receiver("harmon").signature_header("x\"\n[scheme]").build().unwrap_err();
    assert!(matches!(error, ReceiverError::HeaderName { .. }), "{error}");
    let own = Arc::new(Profile::parse("name = \"harmon\"\nextends = \"harmon\"").unwrap());
    let builder = Receiver::builder(&own).secret(Secret::new(SECRET)).signature_header("x-other");
    assert!(matches!(builder.build(), Err(ReceiverError::HeaderFixed { what: "signature" })));
}

#[test]
fn nothing_shows_a_secret_and_development_is_announced() {
    let (log, _logging) = Log::start();
    let builder = receiver("harbor-node").development(true);
    let shown = format!("{builder:?}");
    let shown = shown + &format!("{:?}", builder.build().unwrap()) + &log.text();
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(log.text().contains("WARN") && log.text().contains("for development alone"), "{}", log.text());
}

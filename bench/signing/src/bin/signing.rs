//! How long signing and verifying 1 KiB take beside a bare HMAC-SHA256 from the raw key, and what they allocate.

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use hookseal::{
    Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp, Verifier,
    VerifyOptions,
};
use sha2::Sha256;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Each round times this many calls of everything in turn, so that a change of the machine's pace touches all of it;
/// the quickest round counts.
const CALLS: u32 = 64;
const ROUNDS: usize = 4_000;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_01h455vb4pex5vsknk084sn02q";

/// One thing that is measured.
struct Measured<'c> {
    name: String,
    call: Box<dyn FnMut() -> bool + 'c>,
    best: Duration,
    allocations: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let body = body();
    let unix = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())?;
    let profiles = ["standard-webhooks", "harbor-transfers", "github-sha256", "stripe", "svix", "harbor-lockers"];
    let sides: Vec<Sides> =
        profiles.iter().map(|name| Sides::new(name, &body, unix)).collect::<Result<_, _>>()?;
    let standard = standardwebhooks::Webhook::new(SECRET)?;
    let svix = svix::webhooks::Webhook::new(SECRET)?;
    let text = standard.sign(ID, unix, &body)?;
    let headers = |prefix: &str| -> Result<http::HeaderMap, Box<dyn std::error::Error>> {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [("id", ID), ("timestamp", &unix.to_string()), ("signature", &text)] {
            headers.insert(http::HeaderName::try_from(format!("{prefix}-{name}"))?, value.parse()?);
        }
        Ok(headers)
    };
    let (standard_headers, svix_headers) = (headers("webhook")?, headers("svix")?);

    let mut all = vec![Measured::new("bare HMAC-SHA256", || bare(SECRET.as_bytes(), &body))];
    all.extend(sides.iter().flat_map(|side| side.measured(&body)));
    all.push(Measured::new("crate standardwebhooks, sign", || standard.sign(ID, unix, &body).is_ok()));
    all.push(Measured::new("crate standardwebhooks, verify", || standard.verify(&body, &standard_headers).is_ok()));
    all.push(Measured::new("crate svix, sign", || svix.sign(ID, unix, &body).is_ok()));
    all.push(Measured::new("crate svix, verify", || svix.verify(&body, &svix_headers).is_ok()));

    measure(&mut all);
    print(&all);
    Ok(())
}

/// What a sender and a receiver of one profile hold.
struct Sides {
    name: String,
    signer: Signer,
    verifier: Verifier,
    now: Timestamp,
    lines: Vec<(String, String)>,
}

impl Sides {
    fn new(name: &str, body: &[u8], unix: i64) -> Result<Self, Box<dyn std::error::Error>> {
        let profile = Profile::builtin(name).ok_or("a built-in profile")?;
        let secrets = [Secret::new(SECRET)];
        let signer = Signer::new(profile, Part::Delivery, &secrets, &Params::new())?;
        let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default())?;
        let now = Timestamp::from_unix_seconds(unix);
        let mut headers = SignedHeaders::new();
        signer.sign(&Message::new(now, ID, body), &mut headers)?;
        let lines = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self { name: name.to_owned(), signer, verifier, now, lines })
    }

    fn measured<'s>(&'s self, body: &'s [u8]) -> [Measured<'s>; 2] {
        let message = Message::new(self.now, ID, body);
        let mut buffer = SignedHeaders::new();
        let sign = move || {
            buffer.clear();
            self.signer.sign(black_box(&message), &mut buffer).is_ok()
        };
        let verify = move || {
            let request = Request { method: "POST", url: "", headers: &self.lines, body: black_box(body) };
            self.verifier.verify(black_box(&request), self.now).is_ok()
        };
        [
            Measured::new(format!("`{}`, sign", self.name), sign),
            Measured::new(format!("`{}`, verify", self.name), verify),
        ]
    }
}

impl<'c> Measured<'c> {
    fn new(name: impl Into<String>, call: impl FnMut() -> bool + 'c) -> Self {
        Self { name: name.into(), call: Box::new(call), best: Duration::MAX, allocations: 0 }
    }
}

fn measure(all: &mut [Measured<'_>]) {
    for measured in all.iter_mut() {
        // The first call may fill a buffer that is kept.
        assert!((measured.call)(), "{} fails", measured.name);
        let region = Region::new(ALLOCATOR);
        black_box((measured.call)());
        measured.allocations = region.change().allocations;
    }
    for _ in 0..ROUNDS {
        for measured in all.iter_mut() {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box((measured.call)());
            }
            measured.best = measured.best.min(start.elapsed());
        }
    }
}

fn print(all: &[Measured<'_>]) {
    let nanoseconds = |measured: &Measured<'_>| measured.best.as_secs_f64() * 1e9 / f64::from(CALLS);
    let bare = nanoseconds(&all[0]);
    println!("| 1 KiB | ns | times the bare HMAC | allocations |");
    println!("|---|---:|---:|---:|");
    for measured in all {
        let time = nanoseconds(measured);
        println!("| {} | {time:.0} | {:.2} | {} |", measured.name, time / bare, measured.allocations);
    }
}

/// JSON of 1 KiB as most senders write it.
fn body() -> Vec<u8> {
    let item = br#"{"id":"ord_0001","total":"12.50","currency":"EUR","note":"leave at the door"},"#;
    item.iter().copied().cycle().take(1024).collect()
}

fn bare(key: &[u8], body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(key)).expect("any length is a key");
    mac.update(black_box(body));
    black_box(mac.finalize().into_bytes()).len() == 32
}

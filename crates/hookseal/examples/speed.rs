//! Prints how long signing and verifying 1 KiB take beside a bare HMAC-SHA256 from the raw key.
//!
//! `cargo run --release -p hookseal --example speed [PROFILE]...`
//!
//! On a machine with other work to do, `valgrind --tool=callgrind` counts what the clock cannot: with the arguments
//! `count bare PROFILE`, `count sign PROFILE` or `count verify PROFILE` it runs one of the three a thousand times.

#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::hint::black_box;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use hookseal::{
    Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp, Verifier,
    VerifyOptions,
};
use sha2::Sha256;

const ROUNDS: usize = 2_000;
const CALLS: u32 = 64;

/// One of each way to write a signature that most vendors share.
const PROFILES: [&str; 6] =
    ["standard-webhooks", "harbor-transfers", "github-sha256", "stripe", "shopify", "slack"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let body = body();
    let only: Vec<String> = std::env::args().skip(1).collect();
    if let [count, what, name] = &only[..]
        && count == "count"
    {
        return run_once(what, name);
    }
    println!("{:>20} {:>10} {:>10} {:>8} {:>10} {:>8}", "", "bare", "sign", "ratio", "verify", "ratio");
    let asked = if only.is_empty() { PROFILES.map(str::to_owned).to_vec() } else { only };
    for profile in asked.iter().filter_map(|name| Profile::builtin(name)) {
        let Prepared { secret, signer, verifier, lines } = Prepared::new(profile, &body)?;
        let message = message(&body);
        let request = Request { method: "POST", url: URL, headers: &lines, body: &body };
        let mut buffer = SignedHeaders::new();
        let mut measured = [Duration::MAX; 3];
        // The three take turns, so that a change of the machine's pace touches each of them.
        for _ in 0..ROUNDS {
            measured[0] = measured[0].min(time(|| bare(&secret, &body)));
            measured[1] = measured[1].min(time(|| {
                buffer.clear();
                black_box(signer.sign(black_box(&message), &mut buffer)).is_ok()
            }));
            measured[2] =
                measured[2].min(time(|| black_box(verifier.verify(black_box(&request), NOW)).is_ok()));
        }
        let [bare, sign, verify] = measured.map(|duration| duration.as_secs_f64() * 1e9 / f64::from(CALLS));
        println!(
            "{:>20} {bare:>7.0} ns {sign:>7.0} ns {:>8.2} {verify:>7.0} ns {:>8.2}",
            profile.name(),
            sign / bare,
            verify / bare,
        );
    }
    Ok(())
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
const URL: &str = "https://hooks.example.test/in";

/// What is made once and used for every message.
struct Prepared {
    secret: Secret,
    signer: Signer,
    verifier: Verifier,
    /// The headers of a request that verifies.
    lines: Vec<(String, String)>,
}

impl Prepared {
    fn new(profile: &Profile, body: &[u8]) -> Result<Self, Box<dyn std::error::Error>> {
        let secret = profile.delivery().new_secret(&[7; 32]);
        let secrets = std::slice::from_ref(&secret);
        let signer = Signer::new(profile, Part::Delivery, secrets, &Params::new())?;
        let verifier = Verifier::new(profile, Part::Delivery, secrets, VerifyOptions::default())?;
        let mut signed = SignedHeaders::new();
        signer.sign(&message(body), &mut signed)?;
        let lines: Vec<(String, String)> =
            signed.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let _verified = verifier.verify(&Request { method: "POST", url: URL, headers: &lines, body }, NOW)?;
        Ok(Self { secret, signer, verifier, lines })
    }
}

fn message(body: &[u8]) -> Message<'_> {
    Message::new(NOW, "dlv_01h455vb4pex5vsknk084sn02q", body).with_url(URL)
}

/// Runs one of the three a thousand times and measures nothing: that is for whoever watches.
fn run_once(what: &str, name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let body = body();
    let profile = Profile::builtin(name).ok_or("no such profile")?;
    let Prepared { secret, signer, verifier, lines } = Prepared::new(profile, &body)?;
    let request = Request { method: "POST", url: URL, headers: &lines, body: &body };
    let mut buffer = SignedHeaders::new();
    for _ in 0..1000 {
        match what {
            "bare" => drop(black_box(bare(&secret, &body))),
            "sign" => {
                buffer.clear();
                signer.sign(black_box(&message(&body)), &mut buffer)?;
            }
            _ => drop(black_box(verifier.verify(black_box(&request), NOW)?)),
        }
    }
    Ok(())
}

/// JSON of 1 KiB as most senders write it: without spaces but for those within texts.
fn body() -> Vec<u8> {
    let item = br#"{"id":"ord_0001","total":"12.50","currency":"EUR","note":"leave at the door"},"#;
    item.iter().copied().cycle().take(1024).collect()
}

fn bare(secret: &Secret, body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(secret.expose())).expect("any length is a key");
    mac.update(black_box(body));
    black_box(mac.finalize().into_bytes())[0] != 0
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn time(mut call: impl FnMut() -> bool) -> Duration {
    let start = std::time::Instant::now();
    for _ in 0..CALLS {
        black_box(call());
    }
    start.elapsed()
}

//! Prints how long signing and verifying 1 KiB take beside a bare HMAC-SHA256 from the raw key.
//!
//! `cargo run --release -p hookseal --example speed [PROFILE]...`
//!
//! On a machine with other work to do, `valgrind --tool=callgrind` counts what the clock cannot: `speed count bare`,
//! `speed count sign` and `speed count verify` run one of the three a thousand times.

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
    println!("{:>20} {:>10} {:>10} {:>8} {:>10} {:>8}", "", "bare", "sign", "ratio", "verify", "ratio");
    let only: Vec<String> = std::env::args().skip(1).collect();
    let asked = if only.is_empty() { PROFILES.map(str::to_owned).to_vec() } else { only };
    for profile in asked.iter().filter_map(|name| Profile::builtin(name)) {
        let secret = profile.delivery().new_secret(&[7; 32]);
        let signer = Signer::new(profile, Part::Delivery, std::slice::from_ref(&secret), &Params::new())?;
        let verifier =
            Verifier::new(profile, Part::Delivery, std::slice::from_ref(&secret), VerifyOptions::default())?;
        let now = Timestamp::from_unix_seconds(1_750_000_000);
        let message = Message::new(now, "dlv_01h455vb4pex5vsknk084sn02q", &body);

        let mut signed = SignedHeaders::new();
        signer.sign(&message, &mut signed)?;
        let lines: Vec<(String, String)> =
            signed.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let request = Request { method: "POST", url: "", headers: &lines, body: &body };
        let _verified = verifier.verify(&request, now)?;

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
                measured[2].min(time(|| black_box(verifier.verify(black_box(&request), now)).is_ok()));
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

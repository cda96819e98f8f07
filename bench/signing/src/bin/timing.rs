//! Whether the time of a refusal says how much of a signature was right.
//!
//! Two kinds of wrong signatures are verified in a random order: some that are wrong from their first byte on, and some
//! that are right but for the last byte. Welch's t-test compares the two groups of times, as Reparaz, Balasch and
//! Verbauwhede do in "Dude, is my code constant time?" (2017). As a check of the test itself, the same is done to a
//! comparison that leaves at the first difference, and has to be found out.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use hookseal::{
    Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp, Verifier,
    VerifyOptions,
};

/// Above this, the two groups differ; the paper's bound for a leak that is there beyond doubt.
const BOUND: f64 = 10.0;
const MEASUREMENTS: usize = 400_000;
/// Times above this share of all are interruptions and not the code.
const KEPT: f64 = 0.90;

fn main() -> ExitCode {
    let mut found = false;
    println!("| compared | t | |");
    println!("|---|---:|---|");
    for name in ["standard-webhooks", "harbor-transfers", "github-sha256", "gitlab-token"] {
        let t = verifier(name);
        found |= t.abs() > BOUND;
        println!("| `{name}` | {t:.1} | {} |", if t.abs() > BOUND { "differs" } else { "no difference" });
    }
    let t = leaving_early();
    let blind = t.abs() <= BOUND;
    println!("| a comparison that leaves early | {t:.1} | {} |", if blind { "not found: the test is blind" } else { "differs, as it must" });
    if found || blind { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The difference between signatures that are wrong at once and ones that are wrong at their end.
fn verifier(name: &str) -> f64 {
    let profile = Profile::builtin(name).expect("it is built in");
    let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let signer = Signer::new(profile, Part::Delivery, std::slice::from_ref(&secret), &Params::new()).expect("it signs");
    let verifier = Verifier::new(profile, Part::Delivery, &[secret], VerifyOptions::default()).expect("it verifies");
    let now = Timestamp::from_unix_seconds(1_750_000_000);
    let mut headers = SignedHeaders::new();
    signer.sign(&Message::new(now, "msg_1", b"{}"), &mut headers).expect("the message is well formed");
    let lines: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let header = profile.scheme().signature_header().expect("it has a header");
    let groups = [at_the_start(&lines, header), at_the_end(&lines, header)];
    let requests = groups.each_ref().map(|lines| Request { method: "POST", url: "", headers: lines, body: b"{}" });
    welch(|group| {
        let outcome = verifier.verify(black_box(&requests[group]), now);
        assert!(black_box(outcome).is_err());
    })
}

/// The lines with the first character of the signature changed.
fn at_the_start(lines: &[(String, String)], header: &str) -> Vec<(String, String)> {
    // What stands before the signature has to stay: the padding at its end is no separator.
    let first = |value: &str| value.trim_end_matches('=').rfind(['=', ',']).map_or(0, |at| at + 1);
    changed(lines, header, first)
}

/// The lines with a character of the last byte of the signature changed.
fn at_the_end(lines: &[(String, String)], header: &str) -> Vec<(String, String)> {
    // The last two characters of base64 hold padding and bits that have to be zero.
    changed(lines, header, |value| value.trim_end_matches('=').len() - 2)
}

fn changed(lines: &[(String, String)], header: &str, at: impl Fn(&str) -> usize) -> Vec<(String, String)> {
    let change = |(name, value): &(String, String)| {
        let mut value = value.clone();
        if name == header {
            let at = at(&value);
            let other = if &value[at..=at] == "1" { "0" } else { "1" };
            value.replace_range(at..=at, other);
        }
        (name.clone(), value)
    };
    lines.iter().map(change).collect()
}

fn leaving_early() -> f64 {
    let right = [7_u8; 64];
    let mut wrong = [right; 2];
    wrong[0][0] ^= 1;
    wrong[1][63] ^= 1;
    let equal = |left: &[u8; 64], right: &[u8; 64]| {
        for (left, right) in left.iter().zip(right) {
            if black_box(left) != black_box(right) {
                return false;
            }
        }
        true
    };
    welch(|group| assert!(!equal(black_box(&wrong[group]), black_box(&right))))
}

/// Welch's t of the times of two groups, which take turns in a random order.
fn welch(mut call: impl FnMut(usize)) -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..MEASUREMENTS {
        // An xorshift generator: the order has to be without pattern, and nothing more.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let group = usize::from(state & 1 == 1);
        let start = Instant::now();
        call(group);
        let nanoseconds = start.elapsed().as_nanos();
        times[group].push(f64::from(u32::try_from(nanoseconds).unwrap_or(u32::MAX)));
    }
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rank")]
    let cut = all[((all.len() - 1) as f64 * KEPT) as usize];
    let [first, second] = times.map(|times| moments(times.into_iter().filter(|time| *time <= cut)));
    (first.mean - second.mean) / (first.variance / first.count + second.variance / second.count).sqrt()
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

/// Welford's running mean and variance.
fn moments(times: impl Iterator<Item = f64>) -> Moments {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for time in times {
        count += 1.0;
        let difference = time - mean;
        mean += difference / count;
        squares += difference * (time - mean);
    }
    Moments { count, mean, variance: squares / (count - 1.0) }
}

//! Whether the time of a refusal says how much of a signature was right.
//!
//! Two kinds of wrong signatures are verified in a random order: some that are wrong from their first byte on, and some
//! that are right but for the last byte. Welch's t-test compares the two groups of times, as Reparaz, Balasch and
//! Verbauwhede do in "Dude, is my code constant time?" (2017). As a check of the test itself, the same is done to a
//! comparison that leaves at the first difference, and has to be found out.
//!
//! Both kinds are read, and one of them is written to the same place before it is verified: at two addresses even the
//! same bytes take times that differ by a nanosecond or two, this way in one run and that way in the next. A branch
//! that chooses between them has the same effect. The median of several tests counts, as one may be disturbed: a comparison
//! that leaves early does so in all of them.

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
const TESTS: usize = 5;
/// Times above this share of all are interruptions and not the code.
const KEPT: f64 = 0.90;

fn main() -> ExitCode {
    let mut found = false;
    println!("| compared | t | |");
    println!("|---|---:|---|");
    for name in ["standard-webhooks", "harbor-transfers", "github-sha256", "gitlab-token"] {
        let t = median(|| verifier(name));
        found |= t.abs() > BOUND;
        println!("| `{name}` | {t:.1} | {} |", if t.abs() > BOUND { "differs" } else { "no difference" });
    }
    let t = median(leaving_early);
    let blind = t.abs() <= BOUND;
    println!("| a comparison that leaves early | {t:.1} | {} |", if blind { "not found: the test is blind" } else { "differs, as it must" });
    if found || blind { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn median(test: impl Fn() -> f64) -> f64 {
    let mut all: Vec<f64> = std::iter::repeat_with(test).take(TESTS).collect();
    all.sort_by(f64::total_cmp);
    all[TESTS / 2]
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
    let mut lines: Vec<(String, Vec<u8>)> =
        headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let header = profile.scheme().signature_header().expect("it has a header");
    let at = lines.iter().position(|(name, _)| name == header).expect("the header is there");
    let right = headers.iter().nth(at).map(|(_, value)| value).expect("it is one of them");
    let [start, end] = [at_the_start(right), at_the_end(right)].map(String::into_bytes);
    let place = |lines: &mut Vec<(String, Vec<u8>)>, group: usize| choose(&mut lines[at].1, [&start, &end], group);
    welch(&mut lines, place, |lines| {
        let request = Request { method: "POST", url: "", headers: black_box(lines), body: b"{}" };
        let outcome = verifier.verify(&request, now);
        assert!(black_box(outcome).is_err());
    })
}

/// Writes one of two texts of the same length, and reads both.
fn choose(out: &mut [u8], texts: [&[u8]; 2], which: usize) {
    // Not to be seen through, or there would be a loop for each of the two.
    let mask = black_box(if which == 0 { 0 } else { u8::MAX });
    for (out, (first, second)) in out.iter_mut().zip(texts[0].iter().zip(texts[1])) {
        *out = (first & !mask) | (second & mask);
    }
}

/// The value with the first character of the signature changed.
fn at_the_start(value: &str) -> String {
    // What stands before the signature has to stay: the padding at its end is no separator.
    changed(value, value.trim_end_matches('=').rfind(['=', ',']).map_or(0, |at| at + 1))
}

/// The value with a character of the last byte of the signature changed.
fn at_the_end(value: &str) -> String {
    // The last two characters of base64 hold padding and bits that have to be zero.
    changed(value, value.trim_end_matches('=').len() - 2)
}

fn changed(value: &str, at: usize) -> String {
    let mut value = value.to_owned();
    let other = if &value[at..=at] == "1" { "0" } else { "1" };
    value.replace_range(at..=at, other);
    value
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
    let place = |candidate: &mut [u8; 64], group: usize| choose(candidate, [&wrong[0], &wrong[1]], group);
    welch(&mut [0; 64], place, |candidate| assert!(!equal(black_box(candidate), black_box(&right))))
}

/// Welch's t of the times of two groups, which take turns in a random order. `place` writes what `call` reads.
fn welch<P>(input: &mut P, place: impl Fn(&mut P, usize), call: impl Fn(&P)) -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..MEASUREMENTS {
        // An xorshift generator: the order has to be without pattern, and nothing more.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let group = usize::from(state & 1 == 1);
        place(input, group);
        let start = Instant::now();
        call(input);
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

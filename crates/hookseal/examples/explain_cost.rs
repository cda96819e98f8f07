//! Prints how long explaining takes at worst, for bodies that are hard on it: the secret is another one, so that the
//! search goes on until its budget is used up.
//!
//! `cargo run --release -p hookseal --example explain_cost [PROFILE]...`, where `all` is every profile there is.
//!
//! On Linux the time is that of the processor, so that other work on the machine does not count; elsewhere it is the
//! clock's.

#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use hookseal::explain::{Effort, Explanation, Question};
use hookseal::{
    Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp, VerifyOptions,
};

/// What `serve` and `listen` take by default.
const BODY_BYTES: usize = 256 * 1024;
const ROUNDS: usize = 5;
/// Active secrets, and as many that should not match: a rotation, and the endpoints beside this one.
const SECRETS: u8 = 3;
/// Headers besides those of the signature, as proxies add them.
const MORE_HEADERS: usize = 40;
const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
const URL: &str = "https://app.example/hooks?shop=7";

/// One of each layout that most vendors share, one whose body is rewritten before it is signed, and one in which two
/// digests are signed.
const PROFILES: [&str; 8] = [
    "standard-webhooks",
    "github-sha256",
    "stripe",
    "shopify",
    "paystack",
    "harbor-lockers",
    "vercel",
    "square",
];

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let all = || Profile::builtins().map(|profile| profile.name().to_owned()).collect();
    let names = match asked.as_slice() {
        [] => PROFILES.map(str::to_owned).to_vec(),
        [word] if word == "all" => all(),
        _ => asked,
    };
    println!("{:>20} {:>14} {:>10} {:>8} {:>12} {:>6}", "", "body", "time", "trials", "bytes", "cut");
    let mut worst = Duration::ZERO;
    for profile in names.iter().filter_map(|name| Profile::builtin(name)) {
        for (kind, body) in bodies()? {
            let (took, explanation) = best_of_rounds(profile, &body)?;
            let Effort { trials, bytes, cut, .. } = explanation.effort();
            let ms = took.as_secs_f64() * 1e3;
            println!("{:>20} {kind:>14} {ms:>8.1}ms {trials:>8} {bytes:>12} {cut:>6}", profile.name());
            worst = worst.max(took);
        }
    }
    println!("worst: {worst:?}");
    Ok(())
}

/// A kind of body and one of it.
type Kind = (&'static str, Vec<u8>);

/// Bodies that each are hard on a part of the search.
fn bodies() -> Result<Vec<Kind>, Box<dyn Error>> {
    let list = |item: &str| [b"[", repeated(item.as_bytes()).as_slice(), b"0]\r\n"].concat();
    let object = |item: &str| [b"{", repeated(item.as_bytes()).as_slice(), b"\"z\":0}"].concat();
    let string = |item: &str| [b"{\"a\":\"", repeated(item.as_bytes()).as_slice(), b"\"}"].concat();
    let (open, close) = ("[".repeat(120), "]".repeat(120));
    let deep = [open.as_bytes(), &repeated(b"0,")[2 * open.len()..], b"0", close.as_bytes()];
    let nested = [r#"{"b":"#.repeat(120), "0".to_owned(), "}".repeat(120), ",".to_owned()].concat();
    let mut kinds = vec![
        ("short", br#"{"a": "b", "c": [1, 2.0]}"#.to_vec()),
        ("objects", list("{\"id\": 1.0, \"b\": \"caf\u{e9}/<\\u00e9>\", \"a\": [true, null]}, ")),
        ("plain objects", list(r#"{"id": 1.0, "b": "some words", "a": [true, null]}, "#)),
        ("accents", list("\"\u{e9}\",")),
        ("escapes", list(r#""\u00e9\/\n\ud83d\uddfc\u003c","#)),
        ("controls", list(r#""\n","#)),
        ("empty strings", list(r#""","#)),
        ("numbers", list("1,")),
        ("empty lists", list("[],")),
        ("members", object(r#""\u0062":0,"b":0,"a":0,"#)),
        ("one member", object(r#""a":0,"#)),
        ("deep", deep.concat()),
        ("nested", list(&nested)),
        ("one string", string("a")),
        ("of accents", string("\u{e9}")),
        ("of escapes", string(r"\u00e9")),
        ("of slashes", string("/")),
        ("of controls", string(r"\u0001")),
        ("of quotes", string(r#"\""#)),
        ("wide", string("\u{1f5fc}")),
    ];
    kinds.extend(other_bodies()?);
    Ok(kinds)
}

/// Bodies that are no JSON.
fn other_bodies() -> Result<Vec<Kind>, Box<dyn Error>> {
    Ok(vec![
        ("control", repeated(b"\x01")),
        ("newlines", repeated(b"\n")),
        ("crlf", repeated(b"\r\n")),
        ("spaces", repeated(b" ")),
        ("random", noise()),
        ("text", repeated("\u{e9}".as_bytes())),
        ("not utf-8", repeated(b"\xe9")),
        ("form", repeated(b"a=%2f+%2B&")),
        ("base64", repeated(b"QUJD")),
        ("chunks", repeated(b"1\r\na\r\n")),
        ("gzip", gzip(4 * 1024 * 1024)?),
        ("gzip bomb", gzip(64 * 1024 * 1024)?),
    ])
}

fn gzip(bytes: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![b' '; bytes])?;
    Ok(gzip.finish()?)
}

fn repeated(item: &[u8]) -> Vec<u8> {
    item.iter().copied().cycle().take(BODY_BYTES / item.len() * item.len()).collect()
}

/// Bytes with no pattern, the same ones each time (Marsaglia's xorshift).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[7]
    };
    std::iter::repeat_with(next).take(BODY_BYTES).collect()
}

/// The shortest of several, as other work on the machine only ever adds to it.
fn best_of_rounds(profile: &Profile, body: &[u8]) -> Result<(Duration, Explanation), Box<dyn Error>> {
    let mut best = once(profile, body)?;
    for _ in 1..ROUNDS {
        let next = once(profile, body)?;
        best = if next.0 < best.0 { next } else { best };
    }
    Ok(best)
}

fn once(profile: &Profile, body: &[u8]) -> Result<(Duration, Explanation), Box<dyn Error>> {
    let secrets = |seeds: std::ops::Range<u8>| -> Vec<Secret> {
        seeds.map(|seed| profile.delivery().new_secret(&[seed; 32])).collect()
    };
    let (signing, active, others) = (secrets(100..101), secrets(1..1 + SECRETS), secrets(10..10 + SECRETS));
    let lines = lines(profile, &signing, body);
    let request = Request { method: "POST", url: URL, headers: &lines, body };
    let options = VerifyOptions::default();
    let question = Question::new(profile, Part::Delivery, &active, &options, &request, NOW);
    let start = now();
    let explanation = question.with_other_secrets(&others).explain();
    Ok((now().saturating_sub(start), explanation))
}

/// What the sender wrote, with what proxies add; of a profile that only verifies, something that looks like it.
fn lines(profile: &Profile, secrets: &[Secret], body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut headers = SignedHeaders::new();
    let signed = Signer::new(profile, Part::Delivery, secrets, &Params::new()).is_ok_and(|signer| {
        signer.sign(&Message::new(NOW, "msg_1", body).with_url(URL), &mut headers).is_ok()
    });
    let mut lines: Vec<(String, Vec<u8>)> =
        headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    if !signed {
        let scheme = profile.scheme();
        lines.extend(scheme.signature_header().map(|name| (name.to_owned(), vec![b'a'; 64])));
        lines.extend(scheme.timestamp_header().map(|name| (name.to_owned(), b"1750000000".to_vec())));
        lines.extend(scheme.id_header().map(|name| (name.to_owned(), b"msg_1".to_vec())));
    }
    let more = |number| (format!("x-proxy-signature-{number}"), vec![b'a'; 64]);
    lines.extend((0..MORE_HEADERS).map(more));
    lines
}

/// A time to be compared with a later one: what this thread has had of a processor.
fn now() -> Duration {
    // Lets the kernel bring its account up to date.
    std::thread::yield_now();
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = counted.and_then(|text| text.split(' ').next()?.parse().ok());
    let clock = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    nanoseconds.map_or_else(clock, Duration::from_nanos)
}

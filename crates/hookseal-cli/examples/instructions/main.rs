//! What `cargo xtask instructions` counts: one step of the way of an event, so many times, on one thread as far as that
//! goes, with the same bits in every run.
//!
//! `instructions STEP TIMES`. Two counts with different numbers of times leave the start of the program out.

mod pipeline;
mod store;
mod wire;

use hookseal::{
    Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp, Verifier,
    VerifyOptions,
};

/// The one that the binary has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "dlv_01h455vb4pex5vsknk084sn02q";

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (step, times) = (arguments.next().ok_or("which step?")?, arguments.next().ok_or("how often?")?);
    let times: usize = times.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match step.as_str() {
        "sign" => sign(times),
        "verify" => verify(times),
        "accept" => runtime.block_on(wire::accept(times)),
        "deliver" => runtime.block_on(pipeline::deliver(times)),
        "commit" => runtime.block_on(store::commit(times)),
        "send" => runtime.block_on(wire::send(times)),
        other => Err(format!("there is no step `{other}`").into()),
    }
}

/// A short body: callgrind knows no instructions for SHA-256, and hashing a long one would hide all else.
const BODY: &[u8] = br#"{"order":17}"#;

fn sign(times: usize) -> Result<(), Failure> {
    let mut made = SignedHeaders::new();
    let signer = Signer::new(profile()?, Part::Delivery, &[Secret::new(SECRET)], &Params::new())?;
    for _ in 0..times {
        made.clear();
        signer.sign(&Message::new(NOW, ID, BODY), &mut made)?;
    }
    Ok(())
}

fn verify(times: usize) -> Result<(), Failure> {
    let (mut made, secrets) = (SignedHeaders::new(), [Secret::new(SECRET)]);
    Signer::new(profile()?, Part::Delivery, &secrets, &Params::new())?
        .sign(&Message::new(NOW, ID, BODY), &mut made)?;
    let verifier = Verifier::new(profile()?, Part::Delivery, &secrets, VerifyOptions::default())?;
    let headers: Vec<(String, String)> =
        made.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for _ in 0..times {
        let request = Request { method: "POST", url: "", headers: &headers, body: BODY };
        drop(std::hint::black_box(verifier.verify(&request, NOW)?));
    }
    Ok(())
}

fn profile() -> Result<&'static std::sync::Arc<Profile>, Failure> {
    Ok(Profile::builtin("standard-webhooks").ok_or("the profile is built in")?)
}

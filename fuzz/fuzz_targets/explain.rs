//! Requests of any bytes, and why they do not match.
#![no_main]

use hookseal::explain::explain;
use hookseal_fuzz::{Given, NOW};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(given) = Given::read(data) else { return };
    let _ = explain(given.profile, given.part, &[given.secret()], &given.options, &given.request(), NOW);
});

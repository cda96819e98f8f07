//! Captured requests of any bytes, and which scheme they are of.
#![no_main]

use hookseal::infer::{Captured, InferOptions, infer};
use hookseal_fuzz::Given;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(given) = Given::read(data) else { return };
    let captured = Captured {
        method: "POST".to_owned(),
        url: given.url.to_owned(),
        headers: given.headers.clone(),
        body: given.body.to_vec(),
    };
    // Few layouts, so that many requests are seen rather than much of one.
    let options = InferOptions { max_layouts: 2_000, ..InferOptions::default() };
    if let Ok(inference) = infer(&[captured], &[given.secret()], &options) {
        for candidate in &inference.found {
            assert!(hookseal::Profile::parse(candidate.toml()).is_ok());
        }
    }
});

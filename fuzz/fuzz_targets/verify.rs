//! Whole requests to any profile, with the secret that they bring.
#![no_main]

use hookseal_fuzz::Given;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(given) = Given::read(data) {
        given.verify();
    }
});

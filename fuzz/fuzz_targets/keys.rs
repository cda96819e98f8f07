//! Secrets of any bytes, for every way from a secret to a key.
#![no_main]

use hookseal::{Params, Part, Secret, Signer, Verifier};
use hookseal_fuzz::{PROFILES, options};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((profile, secret)) = data.split_first() else { return };
    let profile = PROFILES[usize::from(*profile) % PROFILES.len()];
    for part in [Part::Delivery, Part::Challenge] {
        let _ = Verifier::new(profile, part, &[Secret::new(secret)], options(0));
        let _ = Signer::new(profile, part, &[Secret::new(secret)], &Params::new());
    }
});

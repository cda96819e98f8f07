//! The value of the signature header of every profile, beside a timestamp and an id that are well formed.
#![no_main]

use hookseal::{Algorithm, Part, Request, Verifier};
use hookseal_fuzz::{NOW, PROFILES, options};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&[profile, flags], value)) = data.split_first_chunk::<2>() else { return };
    let profile = PROFILES[usize::from(profile) % PROFILES.len()];
    let secret = profile.delivery().new_secret(&[flags; 32]);
    let Ok(verifier) = Verifier::new(profile, Part::Delivery, &[secret], options(flags)) else { return };
    let scheme = profile.scheme();
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    headers.extend(scheme.signature_header().map(|name| (name, value)));
    headers.extend(scheme.timestamp_header().map(|name| (name, b"1750000000".as_slice())));
    headers.extend(scheme.id_header().map(|name| (name, b"msg_1".as_slice())));
    let request =
        Request { method: "POST", url: "https://hooks.example.test/in", headers: &headers, body: b"{}" };
    let verified = verifier.verify(&request, NOW).is_ok();
    // The key is not known to the fuzzer, so nothing that it makes can be right, unless nothing is compared at all.
    assert!(!verified || scheme.algorithm() == Some(Algorithm::None));
});

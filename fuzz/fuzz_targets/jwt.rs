//! JSON Web Tokens of any bytes, for the profiles whose signature is one.
#![no_main]

use hookseal::{Algorithm, Part, Request, Verifier};
use hookseal_fuzz::{Given, NOW, PROFILES};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(given) = Given::read(data) else { return };
    let tokens =
        PROFILES.iter().filter(|profile| matches!(profile.scheme().algorithm(), Some(Algorithm::Jwt(_))));
    for profile in tokens {
        let verifier = Verifier::new(profile, Part::Delivery, &[given.secret()], given.options.clone());
        let Ok(verifier) = verifier else { continue };
        let name = profile.scheme().signature_header().expect("tokens stand in headers");
        let value = given.headers.first().map(|(_, value)| value.as_slice()).unwrap_or_default();
        let headers = [(name, value)];
        let request =
            Request { method: "POST", url: given.url, headers: &headers.as_slice(), body: given.body };
        let _ = verifier.verify(&request, NOW);
    }
});

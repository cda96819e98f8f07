//! `signature-input`, `signature` and `content-digest` of RFC 9421 and RFC 9530, as any bytes.
#![no_main]

use hookseal::{Part, Profile, Request, Secret, Verifier};
use hookseal_fuzz::{NOW, options};

const SECRET: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let headers: [(&str, &[u8]); 3] =
        [("signature-input", next()), ("signature", next()), ("content-digest", next())];
    let body = next();
    let profile = Profile::builtin("rfc9421-hmac").expect("it is built in");
    let verifier =
        Verifier::new(profile, Part::Delivery, &[Secret::new(SECRET)], options(2)).expect("the key is right");

    let request =
        Request { method: "POST", url: "https://example.com/foo?a=b", headers: &headers.as_slice(), body };
    let _ = verifier.verify(&request, NOW);
});

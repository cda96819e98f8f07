//! Whether a document verifies what was captured: what is reported is what the verifier itself takes.

use super::captured::Captured;
use crate::profile::{Part, Profile};
use crate::scheme::Flags;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verifier::{Mode, ToleranceOverride, Verifier, VerifyOptions};

/// The profile of a document, if it verifies every request with one of the secrets. The document is written with the
/// weaknesses that it is to admit. Requests are captured long before they are looked at, so timestamps have to be there
/// and are not compared.
pub(super) fn prove(
    document: impl Fn(&[&'static str]) -> String,
    requests: &[Captured],
    secrets: &[Secret],
) -> Option<Profile> {
    let profile = admitting_what_it_must(document)?;
    // One that is not of the kind that the profile needs is another's, and no reason to refuse the rest.
    let verifier = |secret: &Secret| {
        let options = VerifyOptions {
            mode: Mode::Strict,
            tolerance: ToleranceOverride::Off,
            ..VerifyOptions::default()
        };
        Verifier::new(&profile, Part::Delivery, std::slice::from_ref(secret), options).ok()
    };
    let verifiers: Vec<Verifier> = secrets.iter().filter_map(verifier).collect();
    let now = Timestamp::from_unix_seconds(0);
    let verifies = |request: &Captured| {
        verifiers.iter().any(|verifier| verifier.verify(&request.request(), now).is_ok())
    };
    requests.iter().all(verifies).then_some(profile)
}

/// The profile that admits the weaknesses that it has and no others: which ones these are, only the scheme as a whole
/// tells, so it is read with all of them first.
fn admitting_what_it_must(document: impl Fn(&[&'static str]) -> String) -> Option<Profile> {
    let lenient = Profile::parse(&document(&Flags::ADMISSIONS)).ok()?;
    let needed: Vec<&'static str> = lenient.scheme().flags().admissions().collect();
    Profile::parse(&document(&needed)).ok()
}

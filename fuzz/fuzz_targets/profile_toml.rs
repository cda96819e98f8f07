//! Profile documents of any text; one that is read can be read again from its source.
#![no_main]

use hookseal::Profile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Profile::parse(text) {
        Ok(profile) => assert_eq!(
            Profile::parse(profile.source()).map(|again| again.name().to_owned()),
            Ok(profile.name().to_owned())
        ),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});

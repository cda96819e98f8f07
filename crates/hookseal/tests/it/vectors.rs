//! Every known answer of the built-in profiles.

use hookseal::vectors::{Report, VectorFile, run};
use hookseal::{Part, Profile};

pub(crate) fn file() -> VectorFile {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/vectors.json");
    VectorFile::parse(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn builtin(scheme: &str) -> Option<(&'static Profile, Part)> {
    Profile::builtins().find_map(|profile| Some((&**profile, profile.scheme_for(scheme)?)))
}

/// The failed ones, one a line.
pub(crate) fn failures(report: &Report) -> String {
    let results = report.schemes.iter().flat_map(|(scheme, result)| {
        result.failed.iter().map(move |failed| {
            format!(
                "{scheme} {} {:?}: got {}, not {}\n",
                failed.id,
                failed.mode,
                failed.got.as_str(),
                failed.expected
            )
        })
    });
    results.collect()
}

#[test]
fn the_built_in_profiles_pass_every_vector() {
    let report = run(&file(), builtin);
    assert_eq!(failures(&report), "");
    assert!(report.all_passed(), "a scheme without a profile");
    assert_eq!(report.schemes.len(), 88);
    assert_eq!(report.schemes.values().map(|result| result.passed).sum::<usize>(), file().vectors().len());
}

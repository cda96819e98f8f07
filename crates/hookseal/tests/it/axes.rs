//! Other vendors' schemes as profiles: the proof that a format is data.

use std::collections::BTreeMap;
use std::path::Path;

use hookseal::vectors::run;
use hookseal::{Part, Profile};

use crate::vectors::{failures, file};

fn profiles() -> BTreeMap<String, Profile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/axes");
    let mut profiles = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let profile = Profile::parse(&source).unwrap_or_else(|errors| panic!("{}\n{errors}", path.display()));
        assert_eq!(path.file_stem().unwrap().to_str(), Some(profile.name()));
        profiles.insert(profile.name().to_owned(), profile);
    }
    profiles
}

#[test]
fn other_vendors_schemes_pass_their_vectors() {
    let profiles = profiles();
    let report = run(&file(), |scheme| Some((profiles.get(scheme)?, Part::Delivery)));
    assert_eq!(failures(&report), "");
    let passed = profiles.keys().map(|name| report.schemes[name].passed);
    assert_eq!((profiles.len(), passed.sum::<usize>()), (81, 198));
}

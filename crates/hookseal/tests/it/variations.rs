//! Variations of every scheme, made and judged by another implementation of what `vectors.json` says of it.

use std::collections::BTreeSet;

use hookseal::Profile;
use hookseal::vectors::{VectorFile, run_one};

#[test]
fn the_built_in_profiles_agree_with_another_reading_of_their_descriptions() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/variations.json");
    let file = VectorFile::parse(&std::fs::read(path).unwrap()).unwrap();
    let mut schemes = BTreeSet::new();
    let mut wrong = Vec::new();
    for vector in file.vectors() {
        let found =
            Profile::builtins().find_map(|profile| Some((profile, profile.scheme_for(&vector.scheme)?)));
        let (profile, part) = found.unwrap_or_else(|| panic!("no profile for {}", vector.scheme));
        schemes.insert(vector.scheme.as_str());
        if let Some(failed) = run_one(vector, profile, part) {
            let (got, expected) = (failed.got.as_str(), &failed.expected);
            wrong.push(format!("{} ({:?}): {got}, not {expected}", vector.id, failed.mode));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(schemes.len() > 80, "{} schemes", schemes.len());
}

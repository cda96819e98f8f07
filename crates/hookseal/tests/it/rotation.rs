//! Several active secrets, on both sides.

use hookseal::{
    ErrorKind, Message, Mode, Params, Part, Secret, SecretError, Signer, Verifier, VerifyOptions, limits,
};

use crate::support::{ID, Lines, NOW, builtin, secret, sign, verify};

/// The value of the signature header.
fn signature(name: &str, secrets: &[Secret]) -> String {
    let profile = builtin(name);
    let header = profile.scheme().signature_header().unwrap();
    let lines = sign(profile, secrets, &Message::new(NOW, ID, b"{}")).unwrap();
    let (_, value) = lines.into_iter().find(|(name, _)| name == header).unwrap();
    String::from_utf8(value).unwrap()
}

/// The keys of a list of pairs.
fn keys(value: &str, separator: char, assign: char) -> Vec<&str> {
    value.split(separator).map(|item| item.split_once(assign).unwrap().0).collect()
}

#[test]
fn each_grammar_writes_several_signatures_in_its_own_way() {
    let secrets = |name: &str| [1, 2].map(|seed| secret(builtin(name), seed));
    let lockers = signature("harbor-lockers", &secrets("harbor-lockers"));
    assert_eq!(keys(&lockers, ',', '='), ["t", "v1", "v2"]);
    let transfers = signature("harbor-transfers", &secrets("harbor-transfers"));
    assert_eq!(keys(&transfers, ',', '='), ["t", "v1", "v1"]);
    let standard = signature("standard-webhooks", &secrets("standard-webhooks"));
    assert_eq!(keys(&standard, ' ', ','), ["v1", "v1"]);
    for name in ["harbor-node", "harmon", "harvestr"] {
        let [new, old] = secrets(name);
        assert_eq!(signature(name, &[new.clone(), old]), signature(name, &[new]), "{name} has room for one");
    }
}

#[test]
fn the_newest_signature_comes_first() {
    for name in ["harbor-lockers", "harbor-transfers", "standard-webhooks"] {
        let [new, old] = [1, 2].map(|seed| secret(builtin(name), seed));
        let alone = signature(name, std::slice::from_ref(&new));
        assert!(signature(name, &[new, old]).starts_with(&alone), "{name}");
    }
}

#[test]
fn a_receiver_with_either_secret_verifies_and_knows_which_matched() {
    for name in ["harbor-lockers", "harbor-transfers", "standard-webhooks"] {
        let profile = builtin(name);
        let [new, old, other] = [1, 2, 3].map(|seed| secret(profile, seed));
        let lines = sign(profile, &[new.clone(), old.clone()], &Message::new(NOW, ID, b"{}")).unwrap();
        let check = |secrets: &[Secret]| verify(profile, secrets, Mode::Strict, &lines, b"{}", NOW);
        assert_eq!(check(std::slice::from_ref(&new)), Ok(0), "{name}");
        assert_eq!(check(std::slice::from_ref(&old)), Ok(0), "{name}");
        assert_eq!(check(&[other.clone(), old]), Ok(1), "{name}");
        assert_eq!(check(&[other]), Err(ErrorKind::SignatureMismatch), "{name}");
    }
}

#[test]
fn the_numbers_of_secrets_and_signatures_are_bounded() {
    let profile = builtin("harbor-transfers");
    let many = |count: usize| (0..count).map(|_| secret(profile, 1)).collect::<Vec<_>>();
    let new = |secrets: &[Secret]| Signer::new(profile, Part::Delivery, secrets, &Params::new()).map(|_| ());
    assert_eq!(new(&many(limits::MAX_SIGNING_SECRETS)), Ok(()));
    let limit = limits::MAX_SIGNING_SECRETS;
    assert_eq!(new(&many(limit + 1)), Err(SecretError::TooMany { limit }));
    let limit = limits::MAX_VERIFYING_SECRETS;
    let verifier = Verifier::new(profile, Part::Delivery, &many(limit + 1), VerifyOptions::default());
    assert_eq!(verifier.map(|_| ()), Err(SecretError::TooMany { limit }));

    let item = format!(",v1={}", "0".repeat(64));
    let header = |count: usize| -> Lines {
        vec![(
            "harbor-signature".to_owned(),
            format!("t={}{}", NOW.as_unix_seconds(), item.repeat(count)).into_bytes(),
        )]
    };
    let check = |headers: &Lines| verify(profile, &many(1), Mode::Strict, headers, b"", NOW);
    assert_eq!(check(&header(limits::MAX_CANDIDATES)), Err(ErrorKind::SignatureMismatch));
    assert_eq!(check(&header(limits::MAX_CANDIDATES + 1)), Err(ErrorKind::MalformedSignature));
    let long = vec![("harbor-signature".to_owned(), vec![b'a'; limits::MAX_FIELD_BYTES + 1])];
    assert_eq!(check(&long), Err(ErrorKind::MalformedSignature));
}

//! Schemes made up at random are found: two hundred in all, most of them plausible and some far-fetched.

use hookseal::infer::{Candidate, Captured, InferOptions, infer};
use hookseal::{Part, Secret, Timestamp, ToleranceOverride, Verifier, VerifyOptions};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::made::{Kind, Scheme, schemes};

fn verifies(candidate: &Candidate, secret: &Secret, request: &Captured) -> bool {
    let options = VerifyOptions { tolerance: ToleranceOverride::Off, ..VerifyOptions::default() };
    let secrets = std::slice::from_ref(secret);
    let verifier = Verifier::new(&candidate.profile, Part::Delivery, secrets, options).unwrap();
    verifier.verify(&request.request(), Timestamp::from_unix_seconds(0)).is_ok()
}

/// From one request something is found that verifies another one; from two, nothing else.
fn is_found(scheme: &Scheme, second: bool) -> Result<(), TestCaseError> {
    let secret = Secret::new(scheme.secret());
    let requests = [scheme.request(1), scheme.request(2), scheme.request(3)];
    let from_one = infer(&requests[..1], std::slice::from_ref(&secret), &InferOptions::default()).unwrap();
    prop_assert!(!from_one.cut, "cut after {}", from_one.tried);
    prop_assert!(
        from_one.found.iter().any(|candidate| verifies(candidate, &secret, &requests[2])),
        "{:?}",
        from_one
    );
    if second {
        let from_two =
            infer(&requests[..2], std::slice::from_ref(&secret), &InferOptions::default()).unwrap();
        prop_assert_eq!(from_two.found.len(), 1, "{:?}", from_two);
        prop_assert!(verifies(&from_two.found[0], &secret, &requests[2]));
        let mut forged = requests[2].clone();
        forged.body[0] = b'[';
        prop_assert!(!verifies(&from_two.found[0], &secret, &forged));
    }
    Ok(())
}

const CORE: Kind = Kind { hash: false, others: false, values: (1, 3), mixed: false, version: false };

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(97) })]

    #[test]
    fn of_the_body_a_time_and_an_id(scheme in schemes(CORE)) {
        is_found(&scheme, true)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn of_these_after_a_version(scheme in schemes(Kind { values: (1, 2), version: true, ..CORE })) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_any_values(scheme in schemes(Kind { others: true, values: (2, 3), ..CORE })) {
        is_found(&scheme, false)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(15) })]

    #[test]
    fn of_a_plain_digest_with_the_secret(scheme in schemes(Kind { hash: true, values: (2, 3), ..CORE })) {
        is_found(&scheme, false)?;
    }

}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(5) })]

    #[test]
    fn of_different_separators(scheme in schemes(Kind { values: (3, 3), mixed: true, ..CORE })) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_three_values_after_a_version(scheme in schemes(Kind { values: (3, 3), version: true, ..CORE })) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_any_values_with_the_secret(scheme in schemes(Kind { hash: true, others: true, values: (4, 4), ..CORE })) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_any_values_and_different_separators(
        scheme in schemes(Kind { others: true, values: (3, 3), mixed: true, ..CORE }),
    ) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_four_values(scheme in schemes(Kind { others: true, values: (4, 4), ..CORE })) {
        is_found(&scheme, false)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(1) })]

    #[test]
    fn of_five_values(scheme in schemes(Kind { others: true, values: (5, 5), ..CORE })) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_four_values_after_a_version(
        scheme in schemes(Kind { others: true, values: (4, 4), version: true, ..CORE }),
    ) {
        is_found(&scheme, false)?;
    }

    #[test]
    fn of_three_after_a_version_and_different_separators(
        scheme in schemes(Kind { others: true, values: (3, 3), version: true, mixed: true, ..CORE }),
    ) {
        is_found(&scheme, false)?;
    }
}

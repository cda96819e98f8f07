use hookseal::Profile;
use hookseal::explain::{Code, Evidence};
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{Received, any_body_signing, body_signing, check, proven, secret_of};

fn rename(request: &mut Received, from: &str, to: &str) {
    let line =
        request.lines.iter_mut().find(|(line, _)| line == from).unwrap_or_else(|| panic!("no line {from}"));
    to.clone_into(&mut line.0);
}

fn with_own_timestamp_header() -> impl Strategy<Value = &'static Profile> {
    let own = |profile: &&'static Profile| profile.scheme().timestamp_header().is_some();
    select(body_signing().into_iter().filter(own).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn timestamps_in_another_header(profile in with_own_timestamp_header(), name in "(http-)?x-(acme-|fwd-)?timestamp") {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        rename(&mut request, profile.scheme().timestamp_header().unwrap(), &name);
        check(&request, profile, &[Code::TimestampInOtherHeader]);
    }

    #[test]
    fn repeated_lines(profile in any_body_signing(), before: bool) {
        let Some(name) = profile.scheme().signature_header().map(str::to_owned) else { return Ok(()) };
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        let at = request.lines.iter().position(|(line, _)| *line == name).unwrap();
        let mut other = request.lines[at].clone();
        other.1.truncate(other.1.len() / 2);
        request.lines.insert(if before { at } else { at + 1 }, other);
        // A scheme whose header may stand on several lines takes the good one.
        let explanation = request.explain(profile);
        if !explanation.is_valid() && !profile.source().contains("repeated = true") {
            prop_assert_eq!(proven(&explanation), [Code::SignatureHeaderRepeated], "{}", explanation);
            let line = if before { "2" } else { "1" };
            prop_assert_eq!(explanation.findings()[0].detail("line"), Some(line));
        }
    }

    #[test]
    fn missing_headers(profile in any_body_signing()) {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        let header = request.lines.last().unwrap().0.clone();
        request.lines.retain(|(line, _)| *line != header);
        request.lines.push(("x-acme-signature".to_owned(), b"nothing of the kind".to_vec()));
        let explanation = request.explain(profile);
        prop_assert!(!explanation.is_proven(), "{}", explanation);
        prop_assert_eq!(explanation.findings()[0].code(), Code::SignatureHeaderMissing, "{}", explanation);
        prop_assert_eq!(explanation.findings()[0].evidence(), Evidence::Observed);
    }
}

#[test]
fn the_three_headers_of_standard_webhooks_under_other_names() {
    let profile = Profile::builtin("standard-webhooks").unwrap();
    for start in ["acme-", "x-webhook-", "http-webhook-"] {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        for end in ["id", "timestamp", "signature"] {
            rename(&mut request, &format!("webhook-{end}"), &format!("{start}{end}"));
        }
        let codes = [Code::SignatureInOtherHeader, Code::TimestampInOtherHeader, Code::IdInOtherHeader];
        check(&request, profile, &codes);
    }
}

#[test]
fn another_profile_s_headers() {
    let profile = Profile::builtin("standard-webhooks").unwrap();
    let svix = Profile::builtin("svix").unwrap();
    let request = Received::signed(svix, &secret_of(svix), b"{}");
    let explanation = request.explain(profile);
    // Svix is Standard Webhooks with other names, so both ways to say it are right.
    assert!(explanation.is_proven(), "{explanation}");

    let slack = Profile::builtin("slack").unwrap();
    let request = Received::signed(slack, &secret_of(slack), b"{}");
    let explanation = request.explain(Profile::builtin("stripe").unwrap());
    assert_eq!(proven(&explanation), [Code::OtherProfile], "{explanation}");
    assert_eq!(explanation.findings()[0].detail("profile"), Some("slack"));
}

#[test]
fn profiles_that_do_the_same_are_all_named() {
    let github = Profile::builtin("github-sha256").unwrap();
    let request = Received::signed(github, &secret_of(github), b"{}");
    let explanation = request.explain(Profile::builtin("linear").unwrap());
    let profiles = explanation.findings()[0].detail("profile").unwrap_or_default();
    assert!(profiles.split(' ').any(|name| name == "github-sha256"), "{explanation}");
    assert!(profiles.split(' ').any(|name| name == "meta"), "{explanation}");
}

#[test]
fn the_other_part_of_a_profile() {
    use hookseal::{Message, Params, Part, SignedHeaders, Signer};
    let profile = Profile::builtin("harvestr").unwrap();
    let mut request = Received::signed(profile, &secret_of(profile), b"{}");
    let mut headers = SignedHeaders::new();
    let signer = Signer::new(profile, Part::Challenge, &request.secrets, &Params::new()).unwrap();
    signer.sign(&Message::new(request.now, "", b"{}"), &mut headers).unwrap();
    request.lines =
        headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let codes = proven(&request.explain(profile));
    assert!(codes == [Code::OtherPart] || codes == [Code::SignatureInOtherHeader], "{codes:?}");
}

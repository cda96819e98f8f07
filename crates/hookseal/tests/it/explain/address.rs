use hookseal::Profile;
use hookseal::explain::Code;
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{Received, body_signing, check, proven, secret_of, sign};
use crate::support::{ID, NOW};
use hookseal::Message;

fn url_signing() -> impl Strategy<Value = &'static Profile> {
    let signs = |profile: &&'static Profile| profile.source().contains("{url}");
    let profiles: Vec<_> = body_signing().into_iter().filter(signs).collect();
    assert!(profiles.len() >= 2);
    select(profiles)
}

/// The sender signs `signed`, and the receiver takes `received` for the URL.
fn request(profile: &Profile, signed: &str, received: &str) -> Received {
    let secret = secret_of(profile);
    let mut request = Received::signed(profile, &secret, b"{}");
    request.lines = sign(profile, &secret, &Message::new(NOW, ID, b"{}").with_url(signed));
    received.clone_into(&mut request.url);
    request
}

#[track_caller]
fn mistake(profile: &Profile, signed: &str, received: &str, codes: &[Code]) {
    check(&request(profile, signed, received), profile, codes);
    // A configured URL that is not right is found as well.
    let mut configured = request(profile, signed, signed);
    configured.options.params.insert("url", received);
    check(&configured, profile, codes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn parts_of_the_url(profile in url_signing(), host in "[a-z]{1,8}\\.test", path in "/[a-z]{1,8}", query in "[a-z]{1,4}=[0-9]{1,4}") {
        let url = format!("https://{host}{path}");
        mistake(profile, &url, &url.replace("https", "http"), &[Code::UrlScheme]);
        mistake(profile, &url.replace("https", "http"), &url, &[Code::UrlScheme]);
        mistake(profile, &url, &format!("https://{host}:443{path}"), &[Code::UrlPort]);
        mistake(profile, &format!("https://{host}:443{path}"), &url, &[Code::UrlPort]);
        mistake(profile, &url, &format!("https://{host}:8443{path}"), &[Code::UrlPort]);
        mistake(profile, &url, &format!("{url}/"), &[Code::UrlTrailingSlash]);
        mistake(profile, &format!("{url}/"), &url, &[Code::UrlTrailingSlash]);
        mistake(profile, &url, &format!("{url}?{query}"), &[Code::UrlQuery]);
        mistake(profile, &url, &format!("https://www.{host}{path}"), &[Code::UrlHost]);
        mistake(profile, &path, &url, &[Code::UrlPathOnly]);
        let internal = format!("http://{host}:80{path}/");
        mistake(profile, &url, &internal, &[Code::UrlScheme, Code::UrlPort, Code::UrlTrailingSlash]);
    }

    #[test]
    fn hosts_behind_proxies(profile in url_signing(), public in "[a-z]{1,8}\\.test", header in select(vec!["host", "x-forwarded-host", "x-original-host"])) {
        let mut request = request(profile, &format!("https://{public}/in"), "http://10.0.0.7:8080/in");
        request.lines.push((header.to_owned(), public.into_bytes()));
        check(&request, profile, &[Code::UrlScheme, Code::UrlHost, Code::UrlPort]);
    }

    #[test]
    fn a_path_alone(profile in url_signing(), public in "[a-z]{1,8}\\.test") {
        let mut request = request(profile, &format!("https://{public}/in?a=1"), "/in?a=1");
        request.lines.push(("host".to_owned(), public.into_bytes()));
        check(&request, profile, &[Code::UrlHost]);
    }
}

#[test]
fn percent_encoding() {
    let profile = Profile::builtin("square").unwrap();
    mistake(profile, "https://a.test/in?q=a%20b", "https://a.test/in?q=a+b", &[Code::UrlEncoding]);
    mistake(profile, "https://a.test/in?q=a b", "https://a.test/in?q=a%20b", &[Code::UrlEncoding]);
}

#[test]
fn methods() {
    let profile = Profile::builtin("hubspot-v3").unwrap();
    let mut request = request(profile, "https://a.test/in", "https://a.test/in");
    for method in ["GET", "PUT", "post"] {
        method.clone_into(&mut request.method);
        check(&request, profile, &[Code::MethodDiffers]);
    }
}

#[test]
fn a_url_that_was_not_given() {
    let profile = Profile::builtin("square").unwrap();
    let explanation = request(profile, "https://a.test/in", "").explain(profile);
    assert!(proven(&explanation).is_empty());
    assert!(explanation.findings().iter().any(|finding| finding.code() == Code::UrlMissing), "{explanation}");
}

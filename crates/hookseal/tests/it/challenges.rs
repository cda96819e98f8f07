//! Challenges as a profile has them: the request, and what counts as its answer.

use hookseal::{Challenge, ChallengeRefusal, ChallengeReply, Part, Profile};

fn builtin(name: &str) -> &'static Challenge {
    Profile::builtin(name).unwrap().challenge().unwrap()
}

/// A profile with this challenge.
fn profile(lines: &str) -> Result<Profile, Vec<String>> {
    let source = format!(
        "name = \"mine\"\n[scheme]\nalgorithm = \"hmac-sha256\"\nkey = [\"utf8\"]\ncontent = [\"{{body}}\"]\n\
         [scheme.signature]\nheader = \"x-s\"\n[challenge]\n{lines}"
    );
    Profile::parse(&source).map_err(|errors| errors.problems().iter().map(ToString::to_string).collect())
}

fn check(challenge: &Challenge, headers: &[(&str, &str)], body: &str) -> Result<(), ChallengeRefusal> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    challenge.check("t0k_n-1", ChallengeReply { status: 200, headers: &headers, body: body.as_bytes() })
}

#[test]
fn slack_is_asked_as_slack_asks() {
    let slack = builtin("slack");
    assert_eq!((slack.method(), slack.signed_by()), ("POST", Some(Part::Delivery)));
    assert_eq!(slack.body("abc"), br#"{"type":"url_verification","challenge":"abc"}"#);
    assert_eq!(slack.target("/in?a=1", "abc"), "/in?a=1");
    for right in ["t0k_n-1", " t0k_n-1\r\n", r#"{"challenge":"t0k_n-1"}"#] {
        assert_eq!(check(slack, &[], right), Ok(()), "{right}");
    }
    for wrong in [
        "",
        "ok",
        "t0k_n-2",
        "t0k_n-1t0k_n-1",
        r#"{"challenge":"x"}"#,
        r#"{"token":"t0k_n-1"}"#,
        r#"["t0k_n-1"]"#,
    ] {
        let refusal = check(slack, &[("challenge", "t0k_n-1")], wrong).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "answered 200, but the body is not the token that was sent, and `challenge` in the body's JSON is not the \
             token that was sent"
        );
    }
}

#[test]
fn dropbox_and_graph_have_the_token_in_the_query() {
    for (name, method, parameter) in
        [("dropbox", "GET", "challenge"), ("ms-graph", "POST", "validationToken")]
    {
        let challenge = builtin(name);
        assert_eq!((challenge.method(), challenge.signed_by()), (method, None), "{name}");
        assert!(challenge.body("abc").is_empty());
        assert_eq!(challenge.target("/in", "abc"), format!("/in?{parameter}=abc"));
        assert_eq!(challenge.target("/in?", "abc"), format!("/in?{parameter}=abc"));
        assert_eq!(challenge.target("/in?a=1", "abc"), format!("/in?a=1&{parameter}=abc"));
        assert_eq!(check(challenge, &[], "t0k_n-1"), Ok(()), "{name}");
        assert!(check(challenge, &[], r#"{"challenge":"t0k_n-1"}"#).is_err(), "{name}");
    }
}

#[test]
fn cloudevents_are_sent_to_whoever_allows_the_origin() {
    let challenge = builtin("cloudevents");
    assert_eq!((challenge.method(), challenge.signed_by()), ("OPTIONS", None));
    let headers: Vec<_> = challenge.headers("abc").collect();
    assert_eq!(headers, [("webhook-request-origin", "hookseal".to_owned())]);
    for origin in ["hookseal", "*"] {
        assert_eq!(check(challenge, &[("WebHook-Allowed-Origin", origin)], ""), Ok(()), "{origin}");
    }
    for wrong in [&[][..], &[("webhook-allowed-origin", "other.example")], &[("webhook-allowed-origin", "")]]
    {
        let refusal = check(challenge, wrong, "hookseal").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "answered 200, but the header `webhook-allowed-origin` is not `hookseal` or `*`"
        );
    }
    let twice = [("webhook-allowed-origin", "hookseal"), ("webhook-allowed-origin", "other.example")];
    assert!(check(challenge, &twice, "").is_err(), "one header, not several");
}

#[test]
fn our_own_receivers_answer_what_we_ask() {
    for name in ["slack", "dropbox", "ms-graph", "cloudevents", "harvestr"] {
        let profile = Profile::builtin(name).unwrap();
        let challenge = profile.challenge().unwrap();
        let secrets = [hookseal::Secret::new("a secret of the test")];
        let handshakes = hookseal::Handshakes::new(profile, &secrets, &hookseal::Params::new()).unwrap();
        let now = hookseal::Timestamp::from_unix_seconds(1_750_000_000);
        let (target, body) = (challenge.target("/in", "t0k_n-1"), challenge.body("t0k_n-1"));
        let mut signed = hookseal::SignedHeaders::new();
        if let Some(part) = challenge.signed_by() {
            let signer = hookseal::Signer::new(profile, part, &secrets, &hookseal::Params::new()).unwrap();
            signer.sign(&hookseal::Message::new(now, "id", &body), &mut signed).unwrap();
        }
        let own: Vec<_> = challenge.headers("t0k_n-1").collect();
        let headers: Vec<_> =
            own.iter().map(|(name, value)| (*name, value.as_str())).chain(signed.iter()).collect();
        let request =
            hookseal::Request { method: challenge.method(), url: &target, headers: &headers, body: &body };
        let verify = |part| {
            let options = hookseal::VerifyOptions::default();
            hookseal::Verifier::new(profile, part, &secrets, options).unwrap().verify(&request, now).ok()
        };
        let answer = handshakes.respond(&request, verify).expect(name).expect(name);
        let reply = ChallengeReply { status: answer.status, headers: &answer.headers, body: &answer.body };
        assert_eq!(challenge.check("t0k_n-1", reply), Ok(()), "{name}");
    }
}

#[test]
fn without_a_rule_any_success_is_an_answer_and_with_one_the_code_still_counts() {
    let lax = profile("signed-by = \"delivery\"\nbody = \"{token}\"").unwrap();
    assert_eq!(check(lax.challenge().unwrap(), &[], "whatever"), Ok(()));
    let strict = profile(
        "signed-by = \"nobody\"\nbody = \"{token}\"\nsuccess = [\"201\"]\n[[challenge.answer]]\nplace = \"body\"",
    )
    .unwrap();
    let refusal = check(strict.challenge().unwrap(), &[], "t0k_n-1").unwrap_err();
    assert_eq!(refusal.to_string(), "answered 200, and 201 answers the challenge");
}

#[test]
fn a_token_comes_back_where_the_rule_says() {
    let json = profile("signed-by = \"nobody\"\nheaders = { \"x-ask\" = \"a {token}\" }\n[[challenge.answer]]\nplace = \"json:data.0.echo\"\nequal = \"sha:{token}\"").unwrap();
    let json = json.challenge().unwrap();
    assert_eq!(json.headers("abc").collect::<Vec<_>>(), [("x-ask", "a abc".to_owned())]);
    assert_eq!(check(json, &[], r#"{"data":[{"echo":"sha:t0k_n-1"}]}"#), Ok(()));
    assert!(check(json, &[], r#"{"data":[{"echo":"t0k_n-1"}]}"#).is_err());
    let header = profile("signed-by = \"nobody\"\nquery = { q = \"{token}\" }\n[[challenge.answer]]\nplace = \"header:X-Echo\"").unwrap();
    let header = header.challenge().unwrap();
    assert_eq!(check(header, &[("x-echo", "t0k_n-1")], ""), Ok(()));
    assert!(check(header, &[("x-other", "t0k_n-1")], "t0k_n-1").is_err());
}

#[test]
fn what_is_no_challenge_is_refused_with_its_place() {
    for (lines, expected) in [
        ("body = \"{token}\"", "challenge: the table `scheme` is missing, or else `signed-by`"),
        ("signed-by = \"me\"", "line 9, column 13: challenge.signed-by: "),
        ("signed-by = \"nobody\"\nmethod = \"PUT\"", "line 10, column 10: challenge.method: "),
        (
            "signed-by = \"nobody\"\nmethod = \"GET\"\nbody = \"x\"",
            "challenge.body: a GET request has no body",
        ),
        ("signed-by = \"nobody\"\nbody = \"{id}\"", "challenge.body: the only reference here is {token}"),
        ("signed-by = \"nobody\"\nquery = { a = \"x y\" }", "challenge.query.a: a query here is"),
        (
            "signed-by = \"nobody\"\nheaders = { a = \"x\\ny\" }",
            "challenge.headers.a: a header value is visible",
        ),
        (
            "signed-by = \"nobody\"\n[[challenge.answer]]\nplace = \"body\"",
            "an answer with {token} needs a {token}",
        ),
        (
            "signed-by = \"nobody\"\n[[challenge.answer]]\nplace = \"query:a\"\nequal = \"x\"",
            "`body`, `json:PATH` or `header:NAME`",
        ),
        ("signed-by = \"nobody\"\n[[challenge.answer]]\nplace = \"body\"\nequal = \"\"", "is not empty"),
        (
            "signed-by = \"nobody\"\nmethod = \"HEAD\"\n[[challenge.answer]]\nplace = \"body\"\nequal = \"x\"",
            "line 12, column 9: challenge.answer.place: the answer to HEAD has no body: `header:NAME` is needed",
        ),
        (
            "signed-by = \"nobody\"\nmethod = \"HEAD\"\n[[challenge.answer]]\nplace = \"json:a.b\"\nequal = \"x\"",
            "line 12, column 9: challenge.answer.place: the answer to HEAD has no body: `header:NAME` is needed",
        ),
        (
            "signed-by = \"nobody\"\nbody = \"{token}\"\n[[challenge.answer]]\nplace = \"body\"\nlike = \"x\"",
            "like",
        ),
    ] {
        let found = profile(lines).map(drop).unwrap_err();
        assert!(found.len() == 1 && found[0].contains(expected), "{expected:?} is not the one of {found:#?}");
    }
}

#[test]
fn a_profile_that_extends_another_has_its_challenge_or_its_own() {
    let parse = |lines: &str| Profile::parse(&format!("name = \"mine\"\n{lines}")).unwrap();
    let same = parse("extends = \"slack\"");
    let same = same.challenge().unwrap();
    assert_eq!(same.body("abc"), builtin("slack").body("abc"));
    assert!(check(same, &[], "no").is_err());
    let strict = parse("extends = \"harvestr\"\n[[challenge.answer]]\nplace = \"json:challenge\"");
    let strict = strict.challenge().unwrap();
    assert!(check(strict, &[], "").is_err());
    assert_eq!(check(strict, &[], r#"{"challenge":"t0k_n-1"}"#), Ok(()));
    let origin = parse(
        "extends = \"cloudevents\"\n[scheme]\nadmit = [\"body-unsigned\"]\n[challenge.headers]\nwebhook-request-origin = \"shop.example\"\n[[challenge.answer]]\nplace = \"header:webhook-allowed-origin\"\nequal = \"shop.example\"",
    );
    let origin = origin.challenge().unwrap();
    assert_eq!(check(origin, &[("webhook-allowed-origin", "shop.example")], ""), Ok(()));
    assert!(check(origin, &[("webhook-allowed-origin", "*")], "").is_err());
    let turned = "name = \"mine\"\nextends = \"dropbox\"\n[challenge]\nmethod = \"HEAD\"";
    let refused = Profile::parse(turned).unwrap_err().to_string();
    assert!(refused.contains("the answer to HEAD has no body"), "a method alone is changed: {refused}");
    assert!(parse("extends = \"dropbox\"\nwithout = [\"challenge\"]").challenge().is_none());
}

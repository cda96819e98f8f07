//! What a profile of one's own has to admit, what it cannot be, and what it takes from the one that it extends.

use std::collections::HashSet;

use hookseal::{Message, Params, Part, Profile, ProfileErrors, Secret, SignedHeaders, Signer};

use crate::support::NOW;

#[track_caller]
fn problems(source: &str) -> Vec<String> {
    let errors: ProfileErrors = Profile::parse(source).unwrap_err();
    errors.problems().iter().map(ToString::to_string).collect()
}

/// A document with these lines in its scheme.
fn scheme(lines: &str) -> String {
    format!("name = \"mine\"\n[scheme]\nkey = [\"utf8\"]\n{lines}\n")
}

const BARE: &str = "[scheme.signature]\nheader = \"x-s\"";
const UNIX: &str = "[scheme.timestamp]\nheader = \"x-t\"\nformat = \"unix-seconds\"";

/// Checks that a scheme is refused with one problem that begins so, and read as soon as it admits the weakness.
#[track_caller]
fn check_admission(lines: &str, start: &str, admission: &str) {
    let found = problems(&scheme(lines));
    let admit = format!("`admit = [\"{admission}\"]`");
    assert!(
        found.len() == 1 && found[0].starts_with(start) && found[0].contains(&admit),
        "{start:?} with {admit} is not the one of {found:#?}"
    );
    let admitted = scheme(&format!("admit = [\"{admission}\"]\n{lines}"));
    let profile = Profile::parse(&admitted).unwrap_or_else(|errors| panic!("{admitted}\n{errors}"));
    assert!(profile.scheme().flags().admissions().eq([admission]));
}

#[test]
fn what_can_be_forged_or_changed_has_to_be_admitted_where_it_stands() {
    let hmac = "algorithm = \"hmac-sha256\"";
    check_admission(
        &format!("algorithm = \"hmac-sha1\"\ncontent = [\"{{body}}\"]\n{BARE}"),
        "line 4, column 13: scheme.algorithm: SHA-1",
        "weak",
    );
    check_admission(
        &format!("algorithm = \"sha256\"\ncontent = [\"{{secret}}\", \"{{body}}\"]\n{BARE}"),
        "line 4, column 13: scheme.algorithm: whoever has seen a plain digest can extend",
        "weak",
    );
    check_admission(
        &format!("{hmac}\ncontent = [\"{{url}}\", \" \", \"{{body:crc32}}\"]\n{BARE}"),
        "line 4, column 13: scheme.algorithm: anybody can make another body with the same CRC-32",
        "weak",
    );
    check_admission(
        &format!("{hmac}\ncontent = [\"{{url}}\"]\n{BARE}"),
        "line 5, column 11: scheme.content: the signature does not cover the body",
        "body-unsigned",
    );
    check_admission(
        &format!("algorithm = \"token\"\n{BARE}"),
        "line 4, column 13: scheme.algorithm: the signature does not cover the body",
        "body-unsigned",
    );
    check_admission(
        &format!("{hmac}\ncontent = [\"{{body}}\"]\n{BARE}\n[scheme.body]\nstrict = [\"json-compact\"]"),
        "line 8, column 1: scheme.body: bodies that differ",
        "body-malleable",
    );
    check_admission(
        &format!("{hmac}\ncontent = [\"v1\", \"{{timestamp}}\", \"{{body}}\"]\n{BARE}\n{UNIX}"),
        "line 5, column 18: scheme.content: a byte can move",
        "ambiguous-boundary",
    );
}

/// Whether bytes can move between the items of a content.
#[track_caller]
fn check_boundaries(content: &str, format: &str, id: &str, ambiguous: bool) {
    let source = scheme(&format!(
        "admit = [\"ambiguous-boundary\", \"body-unsigned\", \"weak\"]\nalgorithm = \"hmac-sha256\"\ncontent = [{content}]\n{BARE}\n\
         [scheme.timestamp]\nheader = \"x-t\"\nformat = \"{format}\"\n[scheme.id]\nheader = \"x-id\"\n{id}"
    ));
    let profile = Profile::parse(&source).unwrap_or_else(|errors| panic!("{source}\n{errors}"));
    assert_eq!(profile.scheme().flags().ambiguous_boundary, ambiguous, "{content} {format} {id}");
}

#[test]
fn a_content_that_can_be_taken_apart_in_two_ways_is_found() {
    let no_dot = "forbid = \".\"";
    for (content, format, id, ambiguous) in [
        (r#""{timestamp}", ".", "{body}""#, "unix-seconds", "", false),
        // A digit of the literal could be one of the timestamp.
        (r#""{timestamp}", "1", "{body}""#, "unix-seconds", "", true),
        (r#""{timestamp}", "{body}""#, "unix-millis", "", true),
        // The zone ends the one, and nothing before the year can begin the other.
        (r#""{timestamp}", "{body}""#, "rfc3339", "", false),
        (r#""{body}", "{timestamp}""#, "rfc3339", "", false),
        (r#""{body}", "{timestamp}""#, "unix-seconds", "", true),
        (r#""{body}", ".", "{timestamp}""#, "unix-seconds", "", false),
        (r#""{id}", ".", "{timestamp}", ".", "{body}""#, "unix-seconds", no_dot, false),
        (r#""{id}", ".", "{timestamp}", ".", "{body}""#, "unix-seconds", "", true),
        // What is left between two settled sides may be anything.
        (r#""{timestamp}", ".", "{id}", ".", "{body:sha256}""#, "unix-seconds", "", false),
        (r#""{id}", ".", "{timestamp}", "|", "{body:crc32}""#, "unix-seconds", "", false),
        (r#""{id}", "\n", "{timestamp}", "\n", "{header:x-a}", "\n", "{body}""#, "unix-seconds", "", false),
        (r#""{header:x-a}", ":", "{timestamp}", ".", "{body}""#, "unix-seconds", "", true),
        (r#""{method}", " ", "{url}", " ", "{timestamp}", " ", "{body}""#, "unix-seconds", "", false),
        (r#""{method}", "{url}", "{timestamp}", ".", "{body}""#, "unix-seconds", "", true),
        (r#""{timestamp}", ".", "{param:a}", "{body}""#, "unix-seconds", "", false),
        // Names and values run into each other within it.
        (r#""{timestamp}", ".", "{sorted-form}""#, "unix-seconds", "", true),
    ] {
        check_boundaries(content, format, id, ambiguous);
    }
}

#[test]
fn what_no_admission_makes_safe_is_refused() {
    let refused = |lines: &str, expected: &str| {
        let found = problems(&scheme(lines));
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected:?} is none of {found:#?}");
    };
    let hmac = "algorithm = \"hmac-sha256\"";
    refused(
        &format!("{hmac}\ncontent = [\"v1\", \"{{method}}\"]\n{BARE}"),
        "every request has this `content`",
    );
    refused(
        &format!("{hmac}\ncontent = [\"{{body}}\"]\n[scheme.signature]\njson = \"signature\""),
        "a signature that stands in the body cannot cover the whole of it",
    );
    refused(
        &format!(
            "{hmac}\ncontent = [\"{{timestamp}}\", \".\", \"{{body}}\"]\n{BARE}\n{}",
            UNIX.replace("x-t", "X-S")
        ),
        "stand in different headers",
    );
    refused(
        &format!("{hmac}\ncontent = [\"{{body}}\"]\n{BARE}\n[scheme.url]\ncompat = [\"port\"]"),
        "count where {url} is signed",
    );
    refused(
        &format!("{hmac}\nadmit = [\"everything\"]\ncontent = [\"{{body}}\"]\n{BARE}"),
        "scheme.admit: one of `body-malleable`, `body-unsigned`, `weak`, `ambiguous-boundary` is needed",
    );
    for header in ["content-length", "Host", "transfer-encoding", "x-s"] {
        refused(
            &format!(
                "{hmac}\ncontent = [\"{{body}}\"]\n{BARE}\n[delivery]\nheaders = {{ \"{header}\" = \"1\" }}"
            ),
            "this header",
        );
    }
}

#[test]
fn sending_without_any_proof_has_to_be_admitted() {
    let source = "name = \"mine\"\n[scheme]\nalgorithm = \"none\"\n";
    let found = problems(source);
    assert!(found.len() == 1 && found[0].starts_with("line 3, column 13: scheme.algorithm: "), "{found:#?}");
    assert!(Profile::parse(&format!("{source}admit = [\"body-unsigned\"]\n")).is_ok());
}

#[test]
fn built_in_profiles_admit_what_they_need_and_nothing_else() {
    for profile in Profile::builtins() {
        let document: toml::Table = profile.source().parse().unwrap();
        let admitted = document["scheme"].get("admit").and_then(toml::Value::as_array);
        let admitted: Vec<&str> = admitted.into_iter().flatten().filter_map(toml::Value::as_str).collect();
        assert!(profile.scheme().flags().admissions().eq(admitted), "{}", profile.name());
    }
}

#[test]
fn built_in_profiles_say_what_they_follow() {
    for profile in Profile::builtins() {
        assert_ne!(profile.title(), profile.name());
        assert!(profile.document().is_some_and(|document| document.contains(", ") || document.contains(' ')));
        for fact in profile.unconfirmed() {
            assert!(fact.ends_with('.') && fact.starts_with(char::is_uppercase), "{fact}");
        }
    }
    let of = |name: &str| Profile::builtin(name).unwrap().unconfirmed().concat();
    assert!(of("adyen-header").contains("HmacSignature"));
    assert!(of("stripe").is_empty());
    let mine = Profile::parse("name = \"mine\"\nextends = \"adyen-header\"\n").unwrap();
    assert_eq!(mine.unconfirmed(), Profile::builtin("adyen-header").unwrap().unconfirmed());
    let own = Profile::parse("name = \"mine\"\nextends = \"adyen-header\"\nunconfirmed = []\n").unwrap();
    assert!(own.unconfirmed().is_empty());
}

#[test]
fn an_extending_profile_has_the_admissions_of_the_other_and_answers_for_its_own() {
    let renamed = "name = \"mine\"\nextends = \"trello\"\n[scheme.signature]\nheader = \"x-mine\"\n";
    assert!(Profile::parse(renamed).unwrap().scheme().flags().weak);
    let weakened =
        "name = \"mine\"\nextends = \"slack\"\n[scheme]\ncontent = [\"{timestamp}\", \"{body}\"]\n";
    let found = problems(weakened);
    assert!(found.len() == 1 && found[0].starts_with("line 4, column 12: scheme.content: "), "{found:#?}");
}

#[test]
fn a_key_of_the_extended_profile_can_be_left_out() {
    let bare = "name = \"mine\"\nextends = \"slack\"\nwithout = [\"scheme.timestamp\", \"scheme.signature.prefix\"]\n\
                [scheme]\ncontent = [\"{body}\"]\n[scheme.signature]\ngrammar = \"bare\"\n";
    let profile = Profile::parse(bare).unwrap();
    assert!(!profile.scheme().signs_timestamp() && profile.scheme().flags().replayable);
    assert_eq!(profile.scheme().signature_grammar(), Some("bare"));
    let whole = "name = \"mine\"\nextends = \"slack\"\nwithout = [\"scheme.signature\"]\n\
                 [scheme.signature]\njson = \"s\"\n[scheme]\ncontent = [\"{timestamp}\", \".\", \"{url}\"]\nadmit = [\"body-unsigned\"]\n";
    assert_eq!(Profile::parse(whole).unwrap().scheme().signature_place().as_deref(), Some("body s"));
    let missing = "name = \"mine\"\nextends = \"slack\"\nwithout = [\"scheme.id\"]\n";
    assert_eq!(
        problems(missing),
        ["line 3, column 12: without: the profile that is extended has no such key"]
    );
}

#[test]
fn an_extending_profile_has_a_name_of_its_own() {
    assert_eq!(problems("extends = \"slack\"\n"), ["line 1, column 1: `name` is missing"]);
}

#[test]
fn schemes_say_what_they_are() {
    let scheme = |name: &str| Profile::builtin(name).unwrap().scheme();
    assert_eq!(scheme("slack").content().collect::<Vec<_>>(), ["v0:", "{timestamp}", ":", "{body}"]);
    assert_eq!(
        scheme("mailgun").content().collect::<String>(),
        "{json:signature.timestamp}{json:signature.token}"
    );
    assert_eq!(scheme("mailgun").signature_place().as_deref(), Some("body signature.signature"));
    assert_eq!(scheme("slack").timestamp_place().as_deref(), Some("x-slack-request-timestamp"));
    assert_eq!(scheme("stripe").timestamp_place().as_deref(), Some("t in the signature"));
    assert_eq!(scheme("workos").timestamp_format(), Some("unix-millis"));
    let tolerance = scheme("paddle").tolerance().unwrap();
    assert_eq!(tolerance.past.map(|past| past.as_secs()), Some(5));
    assert_eq!(tolerance.future.map(|future| future.as_secs()), Some(300));
    assert_eq!(scheme("paypal").tolerance().unwrap().past, None);
    assert_eq!(scheme("harmon").tolerance(), None);
    assert_eq!(scheme("websub").algorithm_text(), "hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha1");
    assert_eq!(scheme("shopify").signature_encoding(), Some("base64"));
    assert_eq!(scheme("okta").signature_encoding(), None);
    assert_eq!(scheme("harmon").id_place(), Some(("x-harmon-delivery".to_owned(), false)));
    assert_eq!(scheme("svix").id_place(), Some(("svix-id".to_owned(), true)));
    assert_eq!(scheme("braintree").params().collect::<Vec<_>>(), ["public_key"]);
    assert_eq!(
        scheme("hubspot-v1").required_headers().collect::<Vec<_>>(),
        [("x-hubspot-signature-version", "v1")]
    );
}

#[test]
fn every_content_reads_back_from_what_it_says_of_itself() {
    for profile in Profile::builtins() {
        let document: toml::Table = profile.source().parse().unwrap();
        let written = document["scheme"].get("content").and_then(toml::Value::as_array);
        let written = written.into_iter().flatten().filter_map(toml::Value::as_str);
        assert!(profile.scheme().content().eq(written), "{}", profile.name());
    }
}

/// Every content of up to four of these items, which are few and alike so that bytes can move between them.
fn contents() -> Vec<Vec<&'static str>> {
    let items = ["{timestamp}", "{id}", "{body}", ".", "1"];
    let mut all: Vec<Vec<&str>> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..4 {
        let longer: Vec<Vec<&str>> = all[from..]
            .iter()
            .flat_map(|content| items.map(|item| [content.as_slice(), &[item]].concat()))
            .collect();
        from = all.len();
        all.extend(longer);
    }
    all
}

/// A profile of such a content that admits what it can, if one can be made of it.
fn profile_of(content: &[&str]) -> Option<Profile> {
    let timestamp = if content.contains(&"{timestamp}") { UNIX } else { "" };
    let quoted: Vec<String> = content.iter().map(|item| format!("{item:?}")).collect();
    Profile::parse(&scheme(&format!(
        "admit = [\"ambiguous-boundary\", \"body-unsigned\"]\nalgorithm = \"hmac-sha256\"\ncontent = [{}]\n{BARE}\n{timestamp}\n\
         [scheme.id]\nheader = \"x-id\"\nforbid = \".\"\n",
        quoted.join(", ")
    )))
    .ok()
}

/// Whether two different messages have one signature.
fn collides(content: &[&str], profile: &Profile) -> bool {
    let secrets = [Secret::new("secret")];
    let signer = Signer::new(profile, Part::Delivery, &secrets, &Params::new()).unwrap();
    let of = |item: &str, values: &[&'static str]| match content.contains(&item) {
        true => values.to_vec(),
        false => vec![values[0]],
    };
    let mut seen = HashSet::new();
    let mut headers = SignedHeaders::new();
    for timestamp in of("{timestamp}", &["1", "11", "111"]) {
        for id in of("{id}", &["1", "11", "a1"]) {
            for body in of("{body}", &["", "1", "11", ".", "1.", ".1", "1.1", ".1.1"]) {
                headers.clear();
                let mut message = Message::new(NOW, id, body.as_bytes());
                if content.contains(&"{timestamp}") {
                    message = message.with_timestamp_text(timestamp);
                }
                signer.sign(&message, &mut headers).unwrap();
                if !seen.insert(headers.value("x-s").unwrap().to_owned()) {
                    return true;
                }
            }
        }
    }
    false
}

#[test]
fn no_two_messages_have_one_signature_unless_that_is_admitted() {
    let (mut unambiguous, mut collisions) = (0, 0);
    for content in contents() {
        let Some(profile) = profile_of(&content) else { continue };
        let flagged = profile.scheme().flags().ambiguous_boundary;
        let collides = collides(&content, &profile);
        assert!(flagged || !collides, "{content:?} can be taken apart in two ways");
        unambiguous += usize::from(!flagged);
        collisions += usize::from(collides);
    }
    assert!(unambiguous > 100 && collisions > 100, "{unambiguous} are unambiguous, {collisions} collide");
}

use hookseal::vectors::VectorFile;
use serde_json::json;

use crate::support::{Files, run, vector_file};

/// HMAC-SHA256 of `1750000000.{"a": 1}` and a line feed, with the key `s3cret!`.
const SIGNATURE: &str = "17d8c4e341ad4589444fc4f26aa7b4eaf1655901f97e9054d2f5ce2b0ae22a6c";
const BODY: &str = "{\"a\": 1}\n";

fn captured(more: &str, signature: &str) -> String {
    format!(
        "POST /in?b=2 HTTP/1.1\r\nHost: hooks.example.test\r\nX-Sent-At: 1750000000\r\n{more}X-Signature: v1={signature}\r\n\r\n{BODY}"
    )
}

#[test]
fn what_is_printed_is_a_profile_that_verifies_the_request() {
    let files = Files::new();
    let request = files.write("request", captured("", SIGNATURE));
    let inferred = run(["infer", "--request", &request, "--secret", "s3cret!", "--name", "mine"]);
    assert_eq!((inferred.status, inferred.stderr.as_str()), (0, ""), "{}", inferred.stdout);
    let profile = files.write("mine.toml", &inferred.stdout);
    let body = files.write("body", BODY);
    let verify = |signature: &str| {
        let headers = ["--header", "x-sent-at: 1750000000", "--header", signature];
        let fixed =
            ["verify", "--profile", &profile, "--secret", "s3cret!", "--body", &body, "--now", "1750000060"];
        run(fixed.iter().chain(&headers))
    };
    let verified = verify(&format!("x-signature: v1={SIGNATURE}"));
    assert_eq!(verified.status, 0, "{}", verified.stdout);
    assert_eq!(verify(&format!("x-signature: v1={}", "00".repeat(32))).status, 1);
}

#[test]
fn requests_of_known_vendors_give_profiles_that_verify_them() {
    let file = VectorFile::parse(&std::fs::read(vector_file()).unwrap()).unwrap();
    let files = Files::new();
    for scheme in ["slack", "stripe", "svix", "harbor-node"] {
        let vector =
            file.vectors().iter().find(|vector| vector.scheme == scheme && vector.expect.0 == "valid");
        let vector = vector.unwrap();
        let body = files.write("body", vector.request.body());
        let mut request = vec!["--secret".to_owned(), vector.secret.clone(), "--body".into(), body];
        for (name, value) in &vector.request.headers {
            request.extend(["--header".to_owned(), format!("{name}: {value}")]);
        }
        let inferred = run([&["infer".to_owned()], &*request].concat());
        assert_eq!(inferred.status, 0, "{scheme}: {}{}", inferred.stdout, inferred.stderr);
        let profile = files.write("found.toml", &inferred.stdout);
        let now =
            ["verify".to_owned(), "--profile".into(), profile, "--now".into(), vector.now_unix.to_string()];
        let verified = run([&now, &*request].concat());
        assert_eq!(verified.status, 0, "{scheme}: {}", verified.stdout);
    }
}

#[test]
fn several_that_fit_are_printed_with_the_others_as_comments() {
    let files = Files::new();
    let one = files.write("one", captured("X-Tried-At: 1750000000\r\n", SIGNATURE));
    let several = run(["infer", "--request", &one, "--secret", "s3cret!"]);
    assert_eq!(several.status, 1);
    insta::assert_snapshot!(several.stdout);
    let profile = files.write("first.toml", &several.stdout);
    assert_eq!(run(["profiles", &profile]).status, 0);

    let other = files.write("other", captured("X-Tried-At: 1750000009\r\n", SIGNATURE));
    let both = run(["infer", "--request", &one, "--request", &other, "--secret", "s3cret!", "--json"]);
    assert_eq!(both.status, 0);
    assert_eq!(both.json()["found"].as_array().unwrap().len(), 1);
}

#[test]
fn where_none_fits_it_says_so() {
    let files = Files::new();
    let request = files.write("request", captured("", SIGNATURE));
    let none = run(["infer", "--request", &request, "--secret", "another!"]);
    assert_eq!((none.status, none.stderr.as_str()), (1, ""));
    assert!(none.stdout.starts_with("no scheme fits: "), "{}", none.stdout);
    assert!(none.stdout.contains("the header x-signature"), "{}", none.stdout);
    let none = run(["infer", "--header", "a: b", "--secret", "s", "--json"]);
    assert_eq!((none.status, &none.json()["found"], &none.json()["cut"]), (1, &json!([]), &json!(false)));
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let files = Files::new();
    let request = files.write("request", "{\"not\": \"a request\"}");
    for arguments in [
        &["infer", "--request", &request, "--secret", "s"][..],
        &["infer", "--secret", "s", "--request", "/nowhere"],
        &["infer", "--header", "a: b"],
        &["infer", "--header", "a: b", "--secret", ""],
        &["infer", "--header", "a", "--secret", "s"],
        &["infer", "--secret", "s", "--name", "Not A Name"],
        &["infer", "--secret", "s", "--request", &request, "--header", "a: b"],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
    }
}

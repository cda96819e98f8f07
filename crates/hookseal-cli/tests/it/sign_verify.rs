use base64::{Engine, engine::general_purpose::STANDARD};
use hookseal::{Algorithm, JwtAlgorithm, Part, Profile, Secret, vectors::VectorFile};
use serde_json::{Value, json};

use crate::support::{Files, Ran, hookseal, run, run_with_input, vector_file};

/// A secret with which a built-in profile signs.
fn secret(profile: &str) -> String {
    let profile = Profile::builtin(profile).unwrap();
    let kind = match profile.scheme().algorithm() {
        Some(Algorithm::EcdsaP256Der | Algorithm::Jwt(JwtAlgorithm::Es256)) => Some("p256-a.pem"),
        Some(Algorithm::RsaPkcs1(_) | Algorithm::Jwt(JwtAlgorithm::Rs256)) | None
            if profile.name() != "websub" =>
        {
            Some("rsa-a.pem")
        }
        _ => None,
    };
    let made = || String::from_utf8(profile.delivery().new_secret(&[7; 32]).expose().to_vec()).unwrap();
    kind.map_or_else(made, key_file)
}

/// What the receivers have of it.
fn verifying(profile: &str, secret: &str) -> String {
    let verifying = Profile::builtin(profile).unwrap().verifying_secret(Part::Delivery, &Secret::new(secret));
    match verifying {
        Ok(verifying) => String::from_utf8(verifying.expose().to_vec()).unwrap(),
        Err(_) => key_file("rsa-a.crt.pem"),
    }
}

/// A key that was made for the tests of the library.
fn key_file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../hookseal/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What any built-in profile may ask for, as arguments.
const PARAMS: [&str; 12] = [
    "--param",
    "public_key=public",
    "--param",
    "webhook_id=wh_1",
    "--param",
    "cert_url=https://api.paypal.com/v1/certs/CERT-1",
    "--param",
    "user_id=user_1",
    "--param",
    "audience=https://hooks.example.test/in",
    "--param",
    "email=pusher@example.test",
];

/// The profiles whose signature or timestamp stands in the body or the URL, or covers values of it.
const OF_A_FORM: [&str; 8] =
    ["adyen-payments", "aws-sns", "braintree", "hook0-v1", "linear", "mailgun", "ms-graph", "twilio-json"];

/// What `sign --json` prints as `--header` arguments.
fn as_arguments(signed: &Ran) -> Vec<String> {
    let signed = signed.json();
    let headers = signed["headers"].as_array().unwrap();
    let argument =
        |pair: &Value| format!("--header={}: {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    headers.iter().map(argument).collect()
}

/// Signs a body of 17 bytes, as JSON, with further arguments.
fn sign(body: &str, profile: &str, more: &[&str]) -> Ran {
    let ran = run(["sign", "--profile", profile, "--body", body, "--json"].iter().chain(more));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ran
}

fn verify(body: &str, profile: &str, headers: &[String], more: &[&str]) -> Ran {
    let fixed = ["verify", "--profile", profile, "--body", body, "--json"].into_iter();
    run(fixed.chain(headers.iter().map(String::as_str)).chain(more.iter().copied()))
}

#[test]
fn what_every_profile_signs_it_verifies_and_one_flipped_byte_is_refused() {
    let files = Files::new();
    let body = files.write("body", br#"{"a": "Zo\u00eb","b":"\xff"}"#);
    let forged = files.write("forged", br#"{"a": "Zo\u00eb","c":"\xff"}"#);
    for profile in Profile::builtins().filter(|profile| profile.signs(Part::Delivery)) {
        let name = profile.name();
        if OF_A_FORM.contains(&name) {
            continue;
        }
        let private = secret(name);
        let public = verifying(name, &private);
        let url = ["--url", "https://hooks.example.test/in"];
        let more = |secret| [&["--secret", secret], &url[..], &PARAMS[..]].concat();
        let headers = as_arguments(&sign(&body, name, &more(&private)));
        let valid = verify(&body, name, &headers, &more(&public));
        assert_eq!((valid.status, &valid.json()["valid"]), (0, &json!(true)), "{name}: {}", valid.stdout);
        let invalid = verify(&forged, name, &headers, &more(&public));
        // These sign a digest of the body.
        let by_digest = ["netlify", "plaid", "rfc9421-ed25519", "rfc9421-hmac"].contains(&name);
        let expected = match profile.scheme().flags().body_unsigned {
            _ if by_digest => (1, json!("body_hash_mismatch")),
            true => (0, json!(null)),
            false => (1, json!("signature_mismatch")),
        };
        assert_eq!((invalid.status, invalid.json()["error"].clone()), expected, "{name}");
    }
}

#[test]
fn a_signature_in_the_body_is_written_to_a_file_or_printed() {
    let files = Files::new();
    let document =
        r#"{"signature": {"timestamp":"1529006854","token":"a8ce0e","signature":""}, "event-data":{}}"#;
    let (body, out) = (files.write("body", document), files.path("signed"));
    let arguments = ["sign", "--profile", "mailgun", "--secret", "key-fake", "--body", &body];
    let lost = run(arguments);
    assert_eq!((lost.status, lost.stdout.as_str()), (2, ""));
    assert!(lost.stderr.contains("--body-out FILE"), "{}", lost.stderr);

    let ran = run(arguments.iter().chain(&["--body-out", &out]));
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let signed = std::fs::read_to_string(&out).unwrap();
    let printed = run(arguments.iter().chain(&["--json"])).json();
    assert_eq!(STANDARD.decode(printed["body_base64"].as_str().unwrap()).unwrap(), signed.as_bytes());
    assert_eq!(printed["headers"], json!([]));

    let verified = |file: &str| {
        run(["verify", "--profile", "mailgun", "--secret", "key-fake", "--now", "1529006854", "--body", file])
    };
    assert_eq!(verified(&out).status, 0, "{signed}");
    assert_eq!(verified(&body).status, 1);
    let altered = files.write("altered", signed.replace("a8ce0e", "a8ce0f"));
    assert_eq!(verified(&altered).status, 1);
}

#[test]
fn a_body_that_signing_leaves_as_it_is_is_written_too() {
    let files = Files::new();
    let (body, out) = (files.write("body", "{}"), files.path("signed"));
    let ran = run(["sign", "--profile", "harmon", "--secret", "s", "--body", &body, "--body-out", &out]);
    assert_eq!((ran.status, std::fs::read_to_string(&out).unwrap().as_str()), (0, "{}"));
    let nowhere = files.path("none/signed");
    let ran = run(["sign", "--profile", "harmon", "--secret", "s", "--body", &body, "--body-out", &nowhere]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
}

#[test]
fn a_digest_in_the_url_is_added_and_shown() {
    let files = Files::new();
    let body = files.write("body", "{}");
    let url = "https://hooks.example.test/in";
    let arguments = ["sign", "--profile", "twilio-json", "--secret", "s", "--body", &body, "--url", url];
    let lost = run(arguments);
    assert_eq!(lost.status, 2);
    assert!(lost.stderr.contains("--json prints the URL"), "{}", lost.stderr);
    let signed = run(arguments.iter().chain(&["--json"]));
    let url = signed.json()["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://hooks.example.test/in?bodySHA256=44136fa3"), "{url}");
    let headers = as_arguments(&signed);
    assert_eq!(verify(&body, "twilio-json", &headers, &["--secret", "s", "--url", &url]).status, 0);
}

#[test]
fn a_header_that_is_covered_is_taken_from_the_arguments() {
    let files = Files::new();
    let body = files.write("body", "{}");
    let more = ["--secret", &secret("rfc9421-hmac"), "--url", "https://hooks.example.test/in"];
    let own = ["--header", "Content-Type: application/json"];
    let signed = sign(&body, "rfc9421-hmac", &[&more[..], &own].concat());
    let headers = as_arguments(&signed);
    assert!(headers.iter().any(|line| line.contains("\"content-type\")")), "{headers:?}");
    assert_eq!(verify(&body, "rfc9421-hmac", &headers, &[&more[..], &own].concat()).status, 0);
    let other = ["--header", "Content-Type: text/plain"];
    assert_eq!(verify(&body, "rfc9421-hmac", &headers, &[&more[..], &other].concat()).status, 1);
}

#[test]
fn a_time_for_a_scheme_that_writes_none_is_a_mistake() {
    for profile in ["github-sha256", "linear"] {
        let ran = run(["sign", "--profile", profile, "--secret", "s", "--timestamp", "1750000000"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{profile}");
        assert!(ran.stderr.contains("leave --timestamp out"), "{}", ran.stderr);
    }
}

/// The parameters of a vector as `NAME=VALUE`.
fn vector_params(document: &Value, id: &str) -> Vec<String> {
    let vectors = document["vectors"].as_array().unwrap();
    let vector = vectors.iter().find(|vector| vector["id"] == id).unwrap();
    let params = vector["params"].as_object().into_iter().flatten();
    params.map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn every_vector_of_the_built_in_profiles_comes_out_as_it_says() {
    let file = VectorFile::parse(&std::fs::read(vector_file()).unwrap()).unwrap();
    let document: Value = serde_json::from_slice(&std::fs::read(vector_file()).unwrap()).unwrap();
    let known = |scheme: &str| Profile::builtins().any(|profile| profile.scheme_for(scheme).is_some());
    let files = Files::new();
    let mut run_count = 0;
    for vector in file.vectors().iter().filter(|vector| known(&vector.scheme)) {
        let body = files.write("body", vector.request.body());
        let params = vector_params(&document, &vector.id);
        let mut arguments =
            vec!["verify".to_owned(), "--json".into(), "--profile".into(), vector.scheme.clone()];
        arguments.extend(["--body".into(), body, "--now".into(), vector.now_unix.to_string()]);
        arguments.extend([
            "--method".into(),
            vector.request.method.clone(),
            "--url".into(),
            vector.request.url.clone(),
        ]);
        arguments.extend(vector.secrets().flat_map(|secret| ["--secret".to_owned(), secret.to_owned()]));
        let headers = vector.request.headers.iter();
        arguments
            .extend(headers.flat_map(|(name, value)| ["--header".to_owned(), format!("{name}: {value}")]));
        arguments.extend(params.iter().flat_map(|param| ["--param".to_owned(), param.clone()]));
        match vector.tolerance_s {
            None => {}
            Some(None) => arguments.extend(["--tolerance".into(), "off".into()]),
            Some(Some(seconds)) => arguments.extend(["--tolerance".into(), format!("{seconds}s")]),
        }
        arguments.extend(vector.mode.iter().flat_map(|mode| ["--mode".to_owned(), mode.clone()]));
        let ran = run(&arguments);
        let verdict = ran.json();
        let got = verdict["error"].as_str().unwrap_or("valid");
        assert_eq!(got, vector.expect.0, "{}: {}", vector.id, ran.stdout);
        let status = match got {
            "valid" => 0,
            "invalid_secret" => 2,
            _ => 1,
        };
        assert_eq!(ran.status, status, "{}", vector.id);
        run_count += 1;
    }
    assert_eq!(run_count, file.vectors().len());
}

#[test]
fn signing_makes_what_the_documents_print() {
    let files = Files::new();
    let body = files.write("body", "");
    let ran = run([
        "sign",
        "--profile",
        "harbor-transfers",
        "--secret",
        "whs_xxxxxxx",
        "--timestamp",
        "1689066169",
        "--body",
        &body,
    ]);
    let signature = "98f2a9b1f44d391860375a8290c39765cfa1e4c7b275f818d54c5c7b3db9e30e";
    assert_eq!(ran.stdout, format!("harbor-signature: t=1689066169,v1={signature}\n"));
    assert_eq!(ran.status, 0);
}

#[test]
fn a_timestamp_is_kept_as_written_or_written_in_the_profile_s_format() {
    let signed = |profile: &str, timestamp: &str| {
        run(["sign", "--profile", profile, "--secret", "s", "--timestamp", timestamp]).stdout
    };
    assert!(
        signed("harbor-node", "2025-04-01T18:12:57+02:00")
            .contains("x-harbor-timestamp: 2025-04-01T18:12:57+02:00\n")
    );
    assert!(signed("harbor-node", "1743523977").contains("x-harbor-timestamp: 2025-04-01T16:12:57.000Z\n"));
    assert!(signed("harbor-lockers", "2025-04-01T16:12:57Z").contains("t=1743523977,"));
    assert!(signed("harbor-lockers", "0").contains("t=0,"));
    let wrong = run(["sign", "--profile", "harbor-lockers", "--secret", "s", "--timestamp", "yesterday"]);
    assert_eq!((wrong.status, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("`yesterday` is not a time"), "{}", wrong.stderr);
}

#[test]
fn an_id_is_made_where_the_scheme_signs_one_and_none_is_given() {
    let signed = |more: &[&str]| {
        let fixed = ["sign", "--profile", "standard-webhooks", "--secret", &secret("standard-webhooks")];
        run(fixed.iter().chain(more)).stdout
    };
    assert!(signed(&["--id", "msg_1"]).contains("webhook-id: msg_1\n"));
    let (one, other) = (signed(&[]), signed(&[]));
    assert!(one.contains("webhook-id: dlv_") && other.contains("webhook-id: dlv_"), "{one}{other}");
    assert_ne!(one, other);
    let ran = run([
        "sign",
        "--profile",
        "standard-webhooks",
        "--secret",
        &secret("standard-webhooks"),
        "--id",
        "a.b",
    ]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("the id holds `.`"), "{}", ran.stderr);
}

#[test]
fn several_secrets_are_several_active_ones_the_newest_first() {
    let files = Files::new();
    let body = files.write("body", "{}");
    let both = ["--secret", "new", "--secret", "old"];
    let headers = as_arguments(&sign(&body, "harbor-transfers", &both));
    for (secret, index) in [("new", 0), ("old", 1)] {
        let alone = verify(&body, "harbor-transfers", &headers, &["--secret", secret]);
        assert_eq!(alone.json()["secret"], 0, "{}", alone.stdout);
        let order = ["--secret", "neither", "--secret", secret];
        assert_eq!(verify(&body, "harbor-transfers", &headers, &order).json()["secret"], 1);
        let single = as_arguments(&sign(&body, "harmon", &["--secret", secret]));
        assert_eq!(verify(&body, "harmon", &single, &both).json()["secret"], index);
    }
}

#[test]
fn secrets_are_any_text() {
    for secret in ["-", "--json", "-s", "a\nb", r#"{"kty":"oct","k":"x"}"#, " spaces ", "东京", "=", "'\""]
    {
        let headers = as_arguments(&run_with_input(
            ["sign", "--json", "--profile", "harmon", "--body", "-", "--secret", secret],
            b"x",
        ));
        let mut arguments = vec!["verify", "--profile", "harmon", "--body", "-", "--secret", secret];
        arguments.extend(headers.iter().map(String::as_str));
        assert_eq!(run_with_input(arguments, b"x").status, 0, "{secret:?}");
    }
}

#[test]
fn secrets_come_from_files_and_variables_too() {
    let files = Files::new();
    let (body, file) = (files.write("body", "{}"), files.write("secret", "from a file\n"));
    let headers = as_arguments(&sign(&body, "harmon", &["--secret-file", &file]));
    assert_eq!(verify(&body, "harmon", &headers, &["--secret", "from a file"]).status, 0);
    let ran: Ran = hookseal()
        .args(["verify", "--profile", "harmon", "--body", &body, "--secret-env", "THE_SECRET"])
        .args(&headers)
        .env("THE_SECRET", "from a file")
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.status, 0, "{}", ran.stdout);
}

#[test]
fn a_secret_that_is_empty_or_missing_is_a_mistake_and_never_a_pass() {
    let files = Files::new();
    let empty = files.write("empty", "\n");
    let signing = Profile::builtins().filter(|profile| profile.signs(Part::Delivery));
    for profile in signing.map(|profile| profile.name()) {
        for secrets in [&[][..], &["--secret", ""], &["--secret="], &["--secret-file", &empty]] {
            for command in ["sign", "verify"] {
                // Without a secret, `verify` fetches the key where the vendor publishes it.
                let fetched = Profile::builtin(profile).unwrap().scheme().fetches_key();
                if fetched && secrets.is_empty() && command == "verify" {
                    continue;
                }
                let json = run([command, "--profile", profile, "--json"].iter().chain(secrets));
                assert_eq!(json.status, 2, "{command} {profile} {secrets:?}");
                assert_eq!(json.json()["error"], "invalid_secret", "{command} {profile} {secrets:?}");
                let text = run([command, "--profile", profile].iter().chain(secrets));
                assert_eq!((text.status, text.stdout.as_str()), (2, ""), "{command} {profile} {secrets:?}");
                assert!(text.stderr.contains("invalid_secret"), "{}", text.stderr);
            }
        }
    }
    let verdict = run(["verify", "--profile", "harmon", "--json"]).json();
    assert_eq!(verdict["valid"], false);
    assert!(verdict["detail"].is_string());
}

#[test]
fn a_secret_is_never_printed() {
    let refused = run(["verify", "--profile", "standard-webhooks", "--secret", "whpk_swordfish"]);
    assert_eq!(refused.status, 2);
    let malformed = run(["sign", "--profile", "standard-webhooks", "--secret", "sword fish!"]);
    for ran in [refused, malformed] {
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("fish"), "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn header_arguments_are_split_at_the_first_colon_and_trimmed() {
    let files = Files::new();
    let body = files.write("body", "{}");
    let signed = as_arguments(&sign(&body, "harmon", &["--secret", "s"]));
    let value = signed[0].split_once(": ").unwrap().1;
    for header in [format!("X-Harmon-Signature:{value}"), format!("  x-harmon-signature  :   {value}\t")] {
        let ran =
            run(["verify", "--profile", "harmon", "--secret", "s", "--body", &body, "--header", &header]);
        assert_eq!(ran.status, 0, "{header:?}: {}", ran.stdout);
    }
    let error = |header: &str| {
        let ran = run(["verify", "--profile", "harmon", "--secret", "s", "--json", "--header", header]);
        ran.json()["error"].as_str().unwrap().to_owned()
    };
    assert_eq!(error("x-harmon-signature:"), "missing_signature");
    assert_eq!(error("x-harmon-signature:   "), "missing_signature");
    assert_eq!(error("x-harmon-signature: Zoë"), "malformed_signature");
    let no_header = run(["verify", "--profile", "harmon", "--secret", "s", "--header", "x-harmon-signature"]);
    assert_eq!(no_header.status, 2);
    assert!(no_header.stderr.contains("header 1 is not of the form"), "{}", no_header.stderr);
}

#[test]
fn the_same_header_twice_is_two_lines() {
    let header = "--header=x-harmon-signature: sha256=00";
    let ran = run(["verify", "--profile", "harmon", "--secret", "s", "--json", header, header]);
    assert_eq!(ran.json()["error"], "duplicate_header");
}

#[test]
fn an_absent_body_is_an_empty_one() {
    let headers = as_arguments(&run(["sign", "--profile", "harmon", "--secret", "s", "--json"]));
    let empty = Files::new().path("none");
    let ran = run(["verify", "--profile", "harmon", "--secret", "s"]
        .into_iter()
        .chain(headers.iter().map(String::as_str)));
    assert_eq!(ran.status, 0);
    let ran = run(["verify", "--profile", "harmon", "--secret", "s", "--body", &empty]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("cannot be read"), "{}", ran.stderr);
}

#[test]
fn time_and_tolerance_are_the_caller_s() {
    let signed =
        run(["sign", "--profile", "harbor-lockers", "--secret", "s", "--timestamp", "1000000", "--json"]);
    let headers = as_arguments(&signed);
    let error = |more: &[&str]| {
        let fixed = ["verify", "--profile", "harbor-lockers", "--secret", "s", "--json"].into_iter();
        run(fixed.chain(headers.iter().map(String::as_str)).chain(more.iter().copied())).json()["error"]
            .clone()
    };
    assert_eq!(error(&[]), "timestamp_too_old");
    assert_eq!(error(&["--now", "1000300"]), Value::Null);
    assert_eq!(error(&["--now", "1000301"]), "timestamp_too_old");
    assert_eq!(error(&["--now", "1970-01-12T13:41:39Z"]), "timestamp_too_new");
    assert_eq!(error(&["--now", "1000301", "--tolerance", "301s"]), Value::Null);
    assert_eq!(error(&["--now", "1003600", "--tolerance", "1h"]), Value::Null);
    assert_eq!(error(&["--now", "1000001", "--tolerance", "0s"]), "timestamp_too_old");
    assert_eq!(error(&["--tolerance", "off"]), Value::Null);
    for (flag, value) in [("--tolerance", "300"), ("--tolerance", "none"), ("--now", "soon")] {
        let ran = run(["verify", "--profile", "harbor-lockers", "--secret", "s", flag, value]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{flag} {value}");
    }
}

#[test]
fn the_challenge_has_a_scheme_of_its_own() {
    let event = run(["sign", "--profile", "harvestr", "--secret", "s"]).stdout;
    let challenge = run(["sign", "--profile", "harvestr", "--challenge", "--secret", "s"]).stdout;
    assert!(event.starts_with("x-harvestr-webhook-signature: "), "{event}");
    assert!(challenge.starts_with("x-harvestr-signature: "), "{challenge}");
    assert_eq!(run(["sign", "--profile", "harvestr-challenge", "--secret", "s"]).stdout, challenge);
    assert_eq!(run(["sign", "--profile", "harvestr-event", "--secret", "s"]).stdout, event);
    let header = format!("--header={}", challenge.trim());
    let as_event = run(["verify", "--profile", "harvestr", "--secret", "s", "--json", &header]);
    assert_eq!(as_event.json()["error"], "missing_signature");
    for wrong in
        [&["--profile", "harmon", "--challenge"][..], &["--profile", "harvestr-event", "--challenge"]]
    {
        assert_eq!(run(["sign", "--secret", "s"].iter().chain(wrong)).status, 2, "{wrong:?}");
    }
}

#[test]
fn a_profile_may_be_a_file() {
    let files = Files::new();
    let mine = files.write(
        "mine.toml",
        "name = \"mine\"\nextends = \"harbor-node\"\n[scheme.signature]\nheader = \"x-mine-signature\"\n",
    );
    let signed = run(["sign", "--profile", &mine, "--secret", "s"]);
    assert!(signed.stdout.contains("x-mine-signature: sha256="), "{}{}", signed.stdout, signed.stderr);
    let broken = files.write("broken.toml", "name = \"broken\"\ncolour = \"blue\"\n");
    let ran = run(["sign", "--profile", &broken, "--secret", "s"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("line 2, column 1: colour"), "{}", ran.stderr);
    let unknown = run(["sign", "--profile", "harbour", "--secret", "s"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("harbor-lockers, harbor-node"), "{}", unknown.stderr);
}

#[test]
fn the_mode_decides_on_deviations() {
    let body = b"{\n \"a\": 1\n}";
    let compact = run_with_input(
        ["sign", "--json", "--profile", "harbor-lockers", "--secret", "s", "--body", "-"],
        b"{\"a\":1}",
    );
    let verify = |mode: &str| {
        let mut arguments = vec![
            "verify",
            "--json",
            "--profile",
            "harbor-lockers",
            "--secret",
            "s",
            "--body",
            "-",
            "--mode",
            mode,
        ];
        let headers = as_arguments(&compact);
        arguments.extend(headers.iter().map(String::as_str));
        run_with_input(arguments, body).json()
    };
    assert_eq!(verify("strict")["error"], "signature_mismatch");
    assert_eq!(verify("compat")["reading"], "json-compact");
}

#[test]
fn people_read_what_was_proven_and_what_was_not() {
    let files = Files::new();
    let body = files.write("body", "{}");
    let headers = as_arguments(&sign(&body, "harmon", &["--secret", "s"]));
    let mut arguments =
        vec!["verify", "--profile", "harmon", "--body", &body, "--secret", "x", "--secret", "s"];
    arguments.extend(["--header", "x-harmon-event: order.confirmed"]);
    arguments.extend(headers.iter().map(String::as_str));
    insta::assert_snapshot!(run(&arguments).stdout, @r"
    valid
      secret           2 of 2
      body             2 bytes, read as raw
      timestamp        none is signed
      event type       order.confirmed (not covered by the signature)
      not proven       replayable
    ");
    let lockers = ["--profile", "harbor-lockers", "--secret", "s"];
    let signed = run(["sign", "--timestamp", "1000000", "--json"].iter().chain(&lockers));
    let headers = as_arguments(&signed);
    let at = ["verify", "--now", "1000090"].iter().chain(&lockers).copied();
    insta::assert_snapshot!(run(at.chain(headers.iter().map(String::as_str))).stdout, @r"
    valid
      secret           1 of 1
      body             0 bytes, read as strip-spaces
      timestamp        1970-01-12T13:46:40.000Z, 90 s ago
      not proven       body_malleable
    ");
    let refused = run(["verify", "--now", "1000090"].iter().chain(&lockers));
    assert_eq!(refused.status, 1);
    assert!(
        refused.stdout.starts_with("not valid: missing_signature: x-harbor-signature: "),
        "{}",
        refused.stdout
    );
}

#[test]
fn json_has_the_documented_shape() {
    let headers = as_arguments(&run(["sign", "--profile", "harmon", "--secret", "s", "--json"]));
    let mut arguments = vec!["verify", "--profile", "harmon", "--secret", "s", "--json"];
    arguments.extend(["--header", "x-harmon-delivery: 7d0f4c0e-1d2b-4c3a-9e58-000000000001"]);
    arguments.extend(headers.iter().map(String::as_str));
    assert_eq!(
        run(&arguments).json(),
        json!({
            "valid": true, "error": null, "detail": null, "profile": "harmon", "part": "delivery", "secret": 0,
            "reading": "raw", "timestamp": null, "id": null, "event_type": null, "body_bytes": 0,
            "unauthenticated": { "id": "7d0f4c0e-1d2b-4c3a-9e58-000000000001", "event_type": null },
            "flags": ["replayable"],
        })
    );
    let refused = run(["verify", "--profile", "harmon", "--secret", "s", "--json"]);
    assert_eq!(refused.status, 1);
    let refused = refused.json();
    assert_eq!((&refused["valid"], &refused["error"]), (&json!(false), &json!("missing_signature")));
    assert!(refused["detail"].as_str().unwrap().contains("x-harmon-signature"));
    assert_eq!(refused.as_object().unwrap().len(), 3);
}

#[test]
fn params_are_names_with_values() {
    let ran =
        run(["verify", "--profile", "harmon", "--secret", "s", "--param", "url=https://a.test", "--json"]);
    assert_eq!(ran.json()["error"], "missing_signature");
    let wrong = run(["verify", "--profile", "harmon", "--secret", "s", "--param", "url"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("parameter 1 is not of the form NAME=VALUE"), "{}", wrong.stderr);
}

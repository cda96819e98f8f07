use crate::support::{Files, Running, request, run};

#[test]
fn once_shows_everything_and_ends_with_status_0() {
    let ran = run(["demo", "--once"]);
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.lines().last(), Some("5 vendors verified, 8 forged or stale requests refused"));
    assert!(!ran.stdout.contains("wrong:"), "{}", ran.stdout);
    // Seven samples, and two replays that cannot be told.
    assert_eq!(ran.stdout.matches("  verified  ").count(), 7 + 2, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("refused   signature_mismatch").count(), 5);
    assert_eq!(ran.stdout.matches("refused   timestamp_too_old").count(), 3);
    assert!(!ran.stdout.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn the_server_goes_on_with_the_key_that_is_printed() {
    let files = Files::new();
    let mut demo = Running::start(["demo", "--data", &files.path("data")]);
    let (mut address, mut key) = (String::new(), String::new());
    loop {
        let line = demo.line();
        if let Some((_, after)) = line.split_once("until Ctrl-C: http://") {
            address = after.to_owned();
        } else if let Some(after) = line.strip_prefix("Its key: ") {
            key = after.to_owned();
        } else if line.ends_with("refused") && line.contains("vendors verified") {
            break;
        }
    }
    let bearer = format!("Bearer {key}");
    let event = br#"{"type":"order.confirmed","payload":{"again":true}}"#;
    assert_eq!(request(&address, "POST", "/v1/events", &[("authorization", &bearer)], event).status, 202);
    let line = demo.line();
    assert!(line.starts_with("harmon            verified  200  POST /  14 bytes"), "{line}");
    demo.signal("INT");
    assert_eq!(demo.wait().code(), Some(0));
}

#[test]
fn what_keeps_it_from_starting_is_said_with_status_1() {
    let files = Files::new();
    let ran = run(["demo", "--once", "--data", &files.write("file", "")]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("cannot write to the data directory"), "{}", ran.stderr);
}

#[test]
fn ending_it_early_proves_nothing() {
    let files = Files::new();
    let mut demo = Running::start(["demo", "--once", "--data", &files.path("data")]);
    // The first line comes when the server runs and nothing is delivered yet.
    demo.line();
    demo.signal("INT");
    let rest = demo.rest();
    let finished = rest.last().is_some_and(|line| line.ends_with("requests refused"));
    let code = demo.wait().code();
    match finished {
        // It may have been on its way out already.
        true => assert!(matches!(code, Some(0 | 130)), "{code:?}"),
        false => assert_eq!(code, Some(1), "{rest:?}"),
    }
}

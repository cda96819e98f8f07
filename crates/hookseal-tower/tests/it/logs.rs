//! What the log says, and what it never says.

use hookseal::{ErrorKind, Secret};
use hookseal_tower::MemoryGuard;

use crate::support::{Log, NOW, SECRET, builtin, count, good, post, receiver, signed};

#[tokio::test]
async fn a_refusal_is_one_line_with_its_kind_and_nothing_of_the_request() {
    let receiver = receiver("harbor-node").source("node-7").build().unwrap();
    let body = br#"{"card":"body-of-theirs"}"#;
    let wrong = signed(builtin("harbor-node"), "another-secret", NOW, body);
    for (headers, kind) in [
        (wrong.clone(), ErrorKind::SignatureMismatch),
        (vec![("x-token".to_owned(), "token-of-theirs".to_owned())], ErrorKind::MissingSignature),
    ] {
        let (log, _logging) = Log::start();
        let answer = count(&receiver, post(&headers, body.as_slice())).await;
        assert_eq!(answer.status, 401);
        let text = log.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("WARN") && text.contains(kind.as_str()) && text.contains("node-7"), "{text}");
        let digest = &wrong.iter().find(|(name, _)| name == "x-harbor-signature").unwrap().1;
        for never in [SECRET, "another-secret", "body-of-theirs", "token-of-theirs", &digest[7..]] {
            assert!(!text.contains(never), "{never} is in the log: {text}");
        }
    }
}

#[tokio::test]
async fn a_success_is_not_logged_and_a_duplicate_is() {
    let (log, _logging) = Log::start();
    let receiver = receiver("harbor-node").replay(MemoryGuard::new()).build().unwrap();
    assert_eq!(count(&receiver, good("harbor-node", b"{}")).await.status, 200);
    assert_eq!(log.text(), "");
    assert_eq!(count(&receiver, good("harbor-node", b"{}")).await.status, 200);
    assert!(log.text().contains("a webhook that was handled came again"), "{}", log.text());
}

#[test]
fn a_secret_that_is_refused_is_not_shown() {
    let error = receiver("standard-webhooks").secret(Secret::new("whsec_not base64 at all")).build();
    let shown = format!("{error:?}");
    assert!(!shown.contains("not base64") && !shown.contains(SECRET), "{shown}");
}

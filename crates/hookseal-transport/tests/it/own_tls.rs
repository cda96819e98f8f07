//! Authorities and client certificates of a subscription's own.

use std::sync::Arc;

use hookseal::Secret;
use hookseal_engine::ports::{EndpointError, TlsPart, Transport};
use hookseal_engine::{AttemptResult, ClientIdentity, EndpointTls, FailureKind};
use hookseal_transport::HttpTransport;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use crate::authority::{Authority, HOST, pem, serve, serve_with, url};
use crate::support::{Server, assert_failed, assert_ok, post, post_with, read_request};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn trusting(authority: &Authority) -> EndpointTls {
    EndpointTls { ca_certificates: Some(authority.pem()), client: None }
}

fn showing(client: ClientIdentity) -> EndpointTls {
    EndpointTls { ca_certificates: None, client: Some(client) }
}

#[tokio::test]
async fn an_authority_of_its_own_is_trusted_by_a_subscription_alone() {
    let (operators, private) = (Authority::named("The operator's"), Authority::named("A private one"));
    let transport = operators.transport(|_| {});
    let (server, _) = serve(private.issue(&[HOST], |_| {}), OK).await;
    assert_ok(&post_with(&transport, &url(&server), &trusting(&private)).await);
    // Neither before nor after: the connection that was kept is not for those who do not trust it.
    let result = post(&transport, &url(&server)).await;
    assert_failed(&result, FailureKind::TlsCertificate, "no authority that is trusted here");
    assert_ok(&post_with(&transport, &url(&server), &trusting(&private)).await);
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn an_authority_of_its_own_stands_in_the_place_of_the_operators() {
    let (operators, private) = (Authority::named("The operator's"), Authority::named("A private one"));
    let transport = operators.transport(|_| {});
    let (server, _) = serve(operators.issue(&[HOST], |_| {}), OK).await;
    assert_ok(&post(&transport, &url(&server)).await);
    let result = post_with(&transport, &url(&server), &trusting(&private)).await;
    assert_failed(&result, FailureKind::TlsCertificate, "no authority that is trusted here");
    let both = EndpointTls { ca_certificates: Some(private.pem() + &operators.pem()), client: None };
    assert_ok(&post_with(&transport, &url(&server), &both).await);
}

#[tokio::test]
async fn a_name_is_checked_under_an_authority_of_its_own_too() {
    let private = Authority::new();
    let transport = Authority::named("The operator's").transport(|_| {});
    let (server, _) = serve(private.issue(&["other.test"], |_| {}), OK).await;
    let result = post_with(&transport, &url(&server), &trusting(&private)).await;
    assert_failed(&result, FailureKind::TlsCertificate, "for another name");
    let expired = private.issue(&[HOST], |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let (server, _) = serve(expired, OK).await;
    let result = post_with(&transport, &url(&server), &trusting(&private)).await;
    assert_failed(&result, FailureKind::TlsCertificate, "has expired");
}

/// An endpoint that demands a client certificate, and notes which one each connection showed.
async fn demanding(authority: &Authority, clients: &Authority) -> (Server, Arc<Mutex<Vec<Vec<u8>>>>) {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&shown);
    let (server, _) = serve_with(authority.issue_demanding(clients, b"http/1.1"), move |mut stream, _| {
        let certificates = stream.get_ref().1.peer_certificates().unwrap();
        notes.lock().push(certificates[0].to_vec());
        async move {
            while read_request(&mut stream).await.is_some() && stream.write_all(OK.as_bytes()).await.is_ok() {
            }
        }
    })
    .await;
    (server, shown)
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_who_demands_it() {
    let (authority, clients) = (Authority::new(), Authority::named("Of clients"));
    let (server, shown) = demanding(&authority, &clients).await;
    let transport = authority.transport(|_| {});
    let client = showing(clients.client());
    for _ in 0..3 {
        assert_ok(&post_with(&transport, &url(&server), &client).await);
    }
    assert_eq!((server.accepted(), shown.lock().len()), (1, 1));
}

#[tokio::test]
async fn a_client_certificate_is_shown_over_http_2_too() {
    let (authority, clients) = (Authority::new(), Authority::named("Of clients"));
    let (server, handshakes) =
        serve_with(authority.issue_demanding(&clients, b"h2"), |stream, _| async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_response(http::Response::new(()), true).unwrap();
            }
        })
        .await;
    let transport = authority.transport(|_| {});
    let client = showing(clients.client());
    for _ in 0..3 {
        assert_ok(&post_with(&transport, &url(&server), &client).await);
    }
    assert_eq!(handshakes.all(), 1);
    assert_refused(&post(&transport, &url(&server)).await);
}

/// With TLS 1.3 a client hears of the refusal after its own handshake is over, if the alert is not lost in a reset.
#[track_caller]
fn assert_refused(result: &AttemptResult) {
    let failure = result.failure.as_ref().unwrap();
    assert_eq!(result.status, None, "{result:?}");
    assert!(matches!(failure.kind, FailureKind::Tls | FailureKind::Connection), "{failure:?}");
}

#[tokio::test]
async fn without_a_client_certificate_or_with_anothers_nothing_is_delivered() {
    let (authority, clients) = (Authority::new(), Authority::named("Of clients"));
    let (server, shown) = demanding(&authority, &clients).await;
    let transport = authority.transport(|_| {});
    assert_refused(&post(&transport, &url(&server)).await);
    let stranger = showing(Authority::named("A stranger").client());
    assert_refused(&post_with(&transport, &url(&server), &stranger).await);
    assert!(shown.lock().is_empty());
}

#[tokio::test]
async fn who_shows_another_certificate_has_other_connections() {
    let (authority, clients) = (Authority::new(), Authority::named("Of clients"));
    let (server, shown) = demanding(&authority, &clients).await;
    let transport = authority.transport(|_| {});
    let (one, two) = (showing(clients.client()), showing(clients.client()));
    for _ in 0..3 {
        assert_ok(&post_with(&transport, &url(&server), &one).await);
        assert_ok(&post_with(&transport, &url(&server), &two).await);
    }
    assert_eq!(server.accepted(), 2);
    let shown = shown.lock();
    assert!(shown[0] != shown[1]);
}

fn refusal(transport: &HttpTransport, url: &str, tls: &EndpointTls) -> (TlsPart, String) {
    match transport.endpoint(url, tls) {
        Err(EndpointError::Tls { part, detail }) => (part, detail),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_of_no_use_is_refused_and_its_field_named() {
    let authority = Authority::new();
    let transport =
        authority.transport(|config| config.allow_networks = vec!["127.0.0.0/8".parse().unwrap()]);
    let good = authority.client();
    let with = |certificate: &str, key: &str| {
        showing(ClientIdentity { certificate: certificate.to_owned(), key: Secret::new(key) })
    };
    let ca = |text: &str| EndpointTls { ca_certificates: Some(text.to_owned()), client: None };
    let key = String::from_utf8(good.key.expose().to_vec()).unwrap();
    let other_key = String::from_utf8(authority.client().key.expose().to_vec()).unwrap();
    let cases = [
        (ca(""), TlsPart::CaCertificates, "one or more certificates in PEM"),
        (ca("-----BEGIN CERTIFICATE-----\nAAAA"), TlsPart::CaCertificates, "one or more certificates"),
        (ca(&key), TlsPart::CaCertificates, "one or more certificates"),
        (ca(&pem("CERTIFICATE", b"no DER")), TlsPart::CaCertificates, "cannot be read"),
        (ca(&authority.pem().repeat(17)), TlsPart::CaCertificates, "more than 16"),
        (with("", &key), TlsPart::ClientCertificate, "one or more certificates"),
        (with(&pem("CERTIFICATE", b"no DER"), &key), TlsPart::ClientCertificate, "cannot be read"),
        (with(&good.certificate, ""), TlsPart::ClientKey, "must be a private key in PEM"),
        (with(&good.certificate, &good.certificate), TlsPart::ClientKey, "must be a private key"),
        (with(&good.certificate, &other_key), TlsPart::ClientKey, "is not the key of `client_certificate`"),
        (with(&good.certificate, &pem("PRIVATE KEY", b"no DER")), TlsPart::ClientKey, "of no kind"),
        (
            with(&good.certificate, &pem("ENCRYPTED PRIVATE KEY", b"secret")),
            TlsPart::ClientKey,
            "is encrypted",
        ),
    ];
    for (tls, part, words) in cases {
        let (found, detail) = refusal(&transport, &format!("https://{HOST}/"), &tls);
        assert_eq!(found, part, "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
    let plain = refusal(&transport, "http://127.0.0.1/", &showing(good));
    assert_eq!(plain, (TlsPart::ClientCertificate, "is of no use with an `http` endpoint".to_owned()));
}

#[tokio::test]
async fn a_key_is_shown_nowhere() {
    let authority = Authority::new();
    let client = authority.client();
    let key = String::from_utf8(client.key.expose().to_vec()).unwrap();
    let secret = key.lines().nth(1).unwrap().to_owned();
    let tls = showing(client);
    let endpoint = authority.transport(|_| {}).endpoint(&format!("https://{HOST}/"), &tls).unwrap();
    assert!(!format!("{endpoint:?} {tls:?}").contains(&secret));
}

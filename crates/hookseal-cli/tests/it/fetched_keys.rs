//! Keys that a vendor publishes, fetched by `verify` and `listen` from a key server on loopback.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::Value;

use crate::support::{Files, Ran, Running, hookseal, request};

/// The vector `fal-valid`, and its key as a JSON Web Key Set.
const BODY: &str = r#"{"status":"OK"}"#;
const HEADERS: [(&str, &str); 4] = [
    ("X-Fal-Webhook-Request-Id", "req_1"),
    ("X-Fal-Webhook-User-Id", "user_1"),
    ("X-Fal-Webhook-Timestamp", "1751371200"),
    (
        "X-Fal-Webhook-Signature",
        "deb3994e8e069c77b877ecd30eb0d88d9691837e9a757f2fd44151a08ec52772b68e30cbed3a0bbad8865f10bdbdf52be14902db37dc62c5fce7963e76374008",
    ),
];
const SET: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"mnRwwgInOQijJ-A60oEujFCGH9DDguyFQOk5gN5t_WA"}]}"#;

/// A key server for `localhost`, the profile that names it, and the authority that certifies it.
struct KeyServer {
    /// Holds the two that follow.
    _files: Files,
    profile: String,
    roots: String,
}

impl KeyServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, authority) = certified();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                answer(StreamOwned::new(connection, stream.unwrap()));
            }
        });
        let files = Files::new();
        let profile = format!(
            "name = \"mine\"\nextends = \"fal-ai\"\n[scheme.key-set]\nurl = \"https://localhost:{port}/jwks.json\"\n"
        );
        let profile = files.write("mine.toml", profile);
        let roots = files.write("roots.pem", authority);
        Self { _files: files, profile, roots }
    }
}

/// A server's configuration, and its authority in PEM.
fn certified() -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = pem(params.self_signed(&key).unwrap().der());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    (Arc::new(config), authority)
}

fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Answers one request with the set.
fn answer(mut stream: impl Read + Write) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => read.push(byte[0]),
            _ => return,
        }
    }
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{SET}", SET.len());
    stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).unwrap();
}

/// Runs `verify` on the vector.
fn verify(profile: &str, roots: Option<&str>, arguments: &[&str]) -> Ran {
    let files = Files::new();
    let body = files.write("body", BODY);
    let mut command = hookseal();
    command.args(["verify", "--profile", profile, "--body", &body, "--now", "1751371201"]).args(arguments);
    for (name, value) in HEADERS {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE");
    command.envs(roots.map(|file| ("SSL_CERT_FILE", file)));
    command.output().unwrap().into()
}

#[test]
fn verify_fetches_the_key() {
    let server = KeyServer::start();
    let allowed = ["--allow-network", "127.0.0.0/8"];
    let ran = verify(&server.profile, Some(&server.roots), &allowed);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("valid\n"), "{}", ran.stdout);
    let ran = verify(&server.profile, Some(&server.roots), &[&allowed[..], &["--json"]].concat());
    assert_eq!((ran.status, &ran.json()["valid"]), (0, &Value::Bool(true)));
    // Without the authority nothing that the server says counts.
    let ran = verify(&server.profile, Some("/dev/null"), &allowed);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("jwks.json, which could not be had; try again"), "{}", ran.stderr);
}

#[test]
fn a_key_that_cannot_be_had_is_no_verdict() {
    let server = KeyServer::start();
    let ran = verify(&server.profile, Some(&server.roots), &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    for words in
        ["hookseal: the request needs the keys of https://localhost:", "which could not be had", "127.0.0.1"]
    {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let ran = verify(&server.profile, Some(&server.roots), &["--json"]);
    let verdict = ran.json();
    assert_eq!((ran.status, &verdict["valid"], &verdict["error"]), (2, &false.into(), &"unknown_key".into()));
}

#[test]
fn without_fetching_the_key_is_named() {
    let ran = verify("fal-ai", None, &["--no-fetch"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert_eq!(
        ran.stderr,
        "hookseal: the request needs the keys of https://rest.fal.ai/.well-known/jwks.json, which --no-fetch keeps \
         from being fetched; give it with --secret-file, or leave that out\n"
    );
    let key = "mnRwwgInOQijJ+A60oEujFCGH9DDguyFQOk5gN5t/WA=";
    assert_eq!(verify("fal-ai", None, &["--no-fetch", "--secret", key]).status, 0);
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"mnRwwgInOQijJ-A60oEujFCGH9DDguyFQOk5gN5t_WA"}"#;
    assert_eq!(verify("fal-ai", None, &["--secret", jwk]).status, 0);
    // A verdict needs no key where none could help.
    let ran = hookseal().args(["verify", "--profile", "fal-ai", "--no-fetch"]).output().unwrap();
    let ran = Ran::from(ran);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.starts_with("not valid: missing_signature"), "{}", ran.stdout);
}

#[test]
fn a_key_of_a_customer_is_named_with_where_to_ask() {
    // {"alg":"ES256","kid":"k-1"}.{}.signature
    let token = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImstMSJ9.e30.c2lnbmF0dXJl";
    let arguments = ["verify", "--profile", "plaid", "--header", &format!("Plaid-Verification: {token}")];
    let ran = Ran::from(hookseal().args(arguments).output().unwrap());
    assert_eq!(ran.status, 2);
    for words in [
        "needs the key `k-1` of https://production.plaid.com/webhook_verification_key/get",
        "ask for it and give its JSON Web Key with --secret",
    ] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn listen_fetches_the_key_once() {
    let server = KeyServer::start();
    let mut command = hookseal();
    command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", &server.roots);
    command.args(["listen", "--profile", &server.profile, "--port", "0", "--tolerance", "off"]);
    command.args(["--allow-network", "127.0.0.0/8"]);
    let receiver = Running::spawn(&mut command);
    let address = receiver.address();
    for _ in 0..2 {
        assert_eq!(request(&address, "POST", "/", &HEADERS, BODY.as_bytes()).status, 200);
        assert!(receiver.line().starts_with("verified  200  POST /"));
    }
    assert_eq!(request(&address, "POST", "/", &HEADERS, b"{}").status, 401);
    assert!(receiver.line().contains("signature_mismatch"));
}

#[test]
fn listen_has_a_sender_try_again_where_there_is_no_key() {
    let receiver = Running::start(["listen", "--profile", "fal-ai", "--port", "0", "--no-fetch"]);
    let address = receiver.address();
    assert_eq!(request(&address, "POST", "/", &HEADERS, BODY.as_bytes()).status, 503);
    let line = receiver.line();
    assert!(line.contains("no_key: the request needs the keys of https://rest.fal.ai/"), "{line}");
    assert_eq!(request(&address, "POST", "/", &[], BODY.as_bytes()).status, 401);
}

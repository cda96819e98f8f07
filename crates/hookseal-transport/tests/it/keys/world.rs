//! An authority, a key server that it certifies, and what asks for keys.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hookseal::{KeyReference, Part, Profile, Request, Timestamp, Verifier, VerifyOptions};
use hookseal_transport::{KeyError, KeyFetcher, KeyFetcherConfig, Keys, Resolve, ResolveError};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::support::{self, Server, closed, read_request};

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_780_000_000);

/// The hosts that the server's certificate is for.
const HOSTS: [&str; 5] =
    ["keys.test", "api.paypal.com", "sns.eu-west-1.amazonaws.com", "www.googleapis.com", "rest.fal.ai"];

pub(super) fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

/// An authority of certificates, or one below another.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let (params, key) = Self::params(name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// One that this one vouches for.
    pub(super) fn below(&self, name: &str) -> Self {
        let (params, key) = Self::params(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// One that this one vouches for, but not as an authority.
    pub(super) fn below_without_right(&self, name: &str) -> Self {
        let (mut params, key) = Self::params(name);
        params.is_ca = IsCa::NoCa;
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn params(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params, KeyPair::generate().unwrap())
    }

    /// A certificate that signs webhooks, for the RSA key of these tests.
    pub(super) fn signing(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        params.signed_by(&rsa_key(&PKCS_RSA_SHA256), &self.issuer).unwrap().der().clone()
    }

    fn server(&self, names: &[&str]) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate =
            CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap()
    }
}

/// The RSA key in PKCS #8, made for these tests and used nowhere else.
pub(super) fn rsa_pkcs8() -> PrivatePkcs8KeyDer<'static> {
    PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("rsa-key.pem")).unwrap()
}

fn rsa_key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::from_pkcs8_der_and_sign_algo(&rsa_pkcs8(), algorithm).unwrap()
}

/// Certificates as a file.
pub(super) fn pem(certificates: &[&CertificateDer<'_>]) -> String {
    let block = |der: &&CertificateDer<'_>| {
        let base64 = STANDARD.encode(der);
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    certificates.iter().map(block).collect()
}

/// What the key server has, by path.
#[derive(Default)]
struct Shelf {
    answers: Mutex<HashMap<String, String>>,
    asked: AtomicUsize,
}

pub(super) struct World {
    pub(super) authority: Authority,
    pub(super) config: KeyFetcherConfig,
    pub(super) fetcher: KeyFetcher,
    shelf: Arc<Shelf>,
    server: Server,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut KeyFetcherConfig)) -> Self {
        let authority = Authority::new("An authority");
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(&HOSTS)));
        let shelf = Arc::new(Shelf::default());
        let shared = Arc::clone(&shelf);
        let server = Server::start(move |stream, _| {
            let (acceptor, shelf) = (acceptor.clone(), Arc::clone(&shared));
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let Some(request) = read_request(&mut stream).await else { return };
                match shelf.answer(&request) {
                    Some(answer) => {
                        stream.write_all(answer.as_bytes()).await.ok();
                        stream.shutdown().await.ok();
                    }
                    None => closed(&mut stream).await,
                }
            }
        })
        .await;
        let mut transport = support::config();
        transport.extra_roots = vec![authority.certificate.clone()];
        transport.resolver = Some(Arc::new(Everywhere));
        let mut config = KeyFetcherConfig {
            transport,
            timeout: support::PATIENCE,
            port: server.address.port(),
            ..KeyFetcherConfig::default()
        };
        change(&mut config);
        let fetcher = KeyFetcher::new(config.clone()).unwrap();
        Self { authority, config, fetcher, shelf, server }
    }

    /// Has the server answer a path with this body, and with these further header lines.
    pub(super) fn serve(&self, path: &str, headers: &str, body: &str) {
        let length = body.len();
        self.serve_raw(path, &format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n{body}"));
    }

    pub(super) fn serve_raw(&self, path: &str, answer: &str) {
        self.shelf.answers.lock().insert(path.to_owned(), answer.to_owned());
    }

    /// How often the server was asked for something.
    pub(super) fn asked(&self) -> usize {
        self.shelf.asked.load(Ordering::SeqCst)
    }

    pub(super) fn connections(&self) -> usize {
        self.server.accepted()
    }

    pub(super) async fn keys(&self, needed: &KeyReference) -> Result<Keys, KeyError> {
        self.fetcher.keys(needed, NOW).await
    }

    /// The words for what goes wrong.
    pub(super) async fn failure(&self, needed: &KeyReference) -> String {
        match self.keys(needed).await {
            Err(error) => error.to_string(),
            Ok(keys) => panic!("{} keys", keys.len()),
        }
    }
}

impl Shelf {
    /// Nothing where the server is never to answer.
    fn answer(&self, request: &[u8]) -> Option<String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let request = String::from_utf8_lossy(request);
        assert!(request.starts_with("GET /"), "{request}");
        let path = request.split(' ').nth(1).unwrap();
        let missing = || "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();
        let answer = self.answers.lock().get(path).cloned().unwrap_or_else(missing);
        (!answer.is_empty()).then_some(answer)
    }
}

/// Every name is this machine.
#[derive(Debug)]
struct Everywhere;

#[async_trait]
impl Resolve for Everywhere {
    async fn resolve(&self, _host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        Ok(vec!["127.0.0.1".parse().unwrap()])
    }
}

/// What a request needs by a scheme with this algorithm and source of keys.
fn needed(scheme: &str, headers: &[(&str, &str)]) -> KeyReference {
    let profile = Profile::parse(&format!("name = \"mine\"\n[scheme]\n{scheme}")).unwrap();
    let verifier = Verifier::for_fetched_keys(&profile, Part::Delivery, VerifyOptions::default()).unwrap();
    let request = Request { method: "POST", url: "", headers: &headers, body: b"{}" };
    verifier.needed_key(&request).unwrap().unwrap()
}

/// A certificate of `keys.test`, by the rules of this table.
pub(super) fn certificate(path: &str, rules: &str) -> KeyReference {
    let scheme = format!(
        "algorithm = \"rsa-pkcs1-sha256\"\nkey = [\"pem\", \"certificate\"]\ncontent = [\"{{body}}\"]\n\
         [scheme.signature]\nheader = \"x-signature\"\nencoding = \"base64\"\n\
         [scheme.key-url]\nheader = \"x-url\"\nhosts = [\"keys.test\", \"*.elsewhere.test\"]\n{rules}"
    );
    let url = format!("https://keys.test{path}");
    needed(&scheme, &[("x-signature", "c2lnbmF0dXJl"), ("x-url", &url)])
}

/// A key of the set at `https://keys.test/set`, by its id.
pub(super) fn key_of_set(id: &str) -> KeyReference {
    named_key("url = \"https://keys.test/set\"", id)
}

/// A key of an API, by its id.
pub(super) fn key_of_api(id: &str) -> KeyReference {
    named_key("api = \"https://keys.test/api\"", id)
}

fn named_key(place: &str, id: &str) -> KeyReference {
    let scheme = format!(
        "algorithm = \"jwt-es256\"\nkey = [\"jwk\"]\n[scheme.signature]\nheader = \"x-token\"\n[scheme.key-set]\n{place}"
    );
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = encode(&format!(r#"{{"alg":"ES256","kid":"{id}"}}"#));
    needed(&scheme, &[("x-token", &format!("{header}.{}.{}", encode("{}"), encode("signature")))])
}

/// The keys of a set, for a scheme that names none.
pub(super) fn whole_set(url: &str) -> KeyReference {
    let scheme = format!(
        "algorithm = \"ed25519\"\nkey = [\"base64\"]\ncontent = [\"{{body}}\"]\n\
         [scheme.signature]\nheader = \"x-signature\"\n[scheme.key-set]\nurl = \"{url}\""
    );
    needed(&scheme, &[("x-signature", &"00".repeat(64))])
}

//! A subscription's own certificates and key: read from PEM, checked, and made ready for handshakes.

use std::sync::Arc;

use hookseal_engine::ports::{EndpointError, OwnTls, TlsPart};
use hookseal_engine::{ClientIdentity, EndpointTls};
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::limits::{CERTIFICATES_PER_SETTING_MAX, OWN_TLS_SESSIONS_MAX};
use crate::tls::{Client, Tls};

/// Makes ready what TLS is to be made with; `None` where that is what the operator trusts, and nothing is shown.
/// `operators_roots` are trusted where the subscription names no authorities of its own.
pub(crate) fn make(
    settings: &EndpointTls,
    operators_roots: &Arc<RootCertStore>,
) -> Result<Option<OwnTls>, EndpointError> {
    if *settings == EndpointTls::default() {
        return Ok(None);
    }
    let roots = match &settings.ca_certificates {
        Some(text) => Arc::new(roots(text)?),
        None => Arc::clone(operators_roots),
    };
    let client = settings.client.as_ref().map(client).transpose()?;
    let tls = Tls::new(roots, client, OWN_TLS_SESSIONS_MAX).map_err(|error| unusable(&error))?;
    Ok(Some(OwnTls::new(settings.clone(), tls)))
}

/// That certificates and a key were given for an endpoint to which no TLS is spoken.
pub(crate) fn check_without_tls(settings: &EndpointTls) -> Result<(), EndpointError> {
    let part = match settings {
        EndpointTls { ca_certificates: Some(_), .. } => TlsPart::CaCertificates,
        EndpointTls { client: Some(_), .. } => TlsPart::ClientCertificate,
        EndpointTls { .. } => return Ok(()),
    };
    Err(wrong(part, "is of no use with an `http` endpoint"))
}

fn roots(text: &str) -> Result<RootCertStore, EndpointError> {
    let part = TlsPart::CaCertificates;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(part, text)? {
        roots.add(certificate).map_err(|_| wrong(part, "holds a certificate that cannot be read"))?;
    }
    Ok(roots)
}

fn client(identity: &ClientIdentity) -> Result<Client, EndpointError> {
    let certificates = certificates(TlsPart::ClientCertificate, &identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose()).map_err(|_| {
        let is_encrypted = identity.key.expose().windows(9).any(|window| window == b"ENCRYPTED");
        let detail = if is_encrypted {
            "is encrypted; give it without a passphrase"
        } else {
            "must be a private key in PEM, such as `-----BEGIN PRIVATE KEY-----`"
        };
        wrong(TlsPart::ClientKey, detail)
    })?;
    Ok(Client { certificates, key })
}

/// The certificates of a text in PEM: one at least, and nothing in it that is something else.
fn certificates(part: TlsPart, text: &str) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let form = "must be one or more certificates in PEM (`-----BEGIN CERTIFICATE-----`)";
    let sections: Result<Vec<(SectionKind, Vec<u8>)>, pem::Error> =
        PemObject::pem_slice_iter(text.as_bytes()).collect();
    let sections = sections.map_err(|_| wrong(part, form))?;
    if sections.is_empty() || sections.iter().any(|(kind, _)| *kind != SectionKind::Certificate) {
        return Err(wrong(part, form));
    }
    if sections.len() > CERTIFICATES_PER_SETTING_MAX {
        return Err(wrong(part, &format!("has more than {CERTIFICATES_PER_SETTING_MAX} certificates")));
    }
    Ok(sections.into_iter().map(|(_, der)| CertificateDer::from(der)).collect())
}

/// What rustls has against a certificate and key that were read.
fn unusable(error: &rustls::Error) -> EndpointError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            wrong(TlsPart::ClientKey, "is not the key of `client_certificate`")
        }
        rustls::Error::InvalidCertificate(_) => {
            wrong(TlsPart::ClientCertificate, "holds a certificate that cannot be read")
        }
        _ => wrong(
            TlsPart::ClientKey,
            "is of no kind that is supported: RSA of 2048 bits or more, ECDSA on P-256 or P-384, Ed25519",
        ),
    }
}

fn wrong(part: TlsPart, detail: &str) -> EndpointError {
    EndpointError::Tls { part, detail: detail.to_owned() }
}

//! Whether a certificate may sign webhooks: its name, its time and its chain.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hookseal::{CertificateUrl, Secret, Timestamp};
use rustls::RootCertStore;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::error::KeyError;
use super::validity::Validity;
use crate::limits::CERTIFICATES_PER_FILE_MAX;

/// A certificate that may sign, for as long as its time lasts.
pub(super) struct SigningCertificate {
    /// The certificate alone, in PEM. It is written anew, so that what is verified with is what was checked.
    pub(super) key: Secret,
    pub(super) not_after: Timestamp,
}

/// What certificates are judged by.
pub(super) struct Judge<'j> {
    pub(super) roots: &'j RootCertStore,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) now: Timestamp,
}

impl Judge<'_> {
    /// Reads a file of certificates, of which the first is the one that signs and the others lead to its authority
    /// (RFC 8555 section 9.1), and checks the first.
    pub(super) fn judge(
        &self,
        file: &[u8],
        reference: &CertificateUrl,
    ) -> Result<SigningCertificate, KeyError> {
        let mut certificates = CertificateDer::pem_slice_iter(file).take(CERTIFICATES_PER_FILE_MAX);
        let signing = certificates.next().and_then(Result::ok).ok_or(KeyError::NotCertificates)?;
        let between: Vec<CertificateDer<'_>> =
            certificates.collect::<Result<_, _>>().map_err(|_| KeyError::NotCertificates)?;
        let validity = Validity::of(&signing).ok_or(KeyError::NotCertificates)?;
        let certificate = EndEntityCert::try_from(&signing).map_err(|_| KeyError::NotCertificates)?;
        if !certificate.valid_dns_names().any(|name| reference.trusts_name(name)) {
            return Err(KeyError::WrongName);
        }
        validity.check(self.now)?;
        if reference.needs_chain() {
            self.check_chain(&certificate, &between)?;
        }
        Ok(SigningCertificate { key: pem(&signing), not_after: validity.not_after })
    }

    /// Whether a path of certificates leads to a trusted authority, each valid now and signed by the next (RFC 5280
    /// section 6). Revocation is not looked at, as it is not in TLS.
    fn check_chain(
        &self,
        certificate: &EndEntityCert<'_>,
        between: &[CertificateDer<'_>],
    ) -> Result<(), KeyError> {
        let now = u64::try_from(self.now.as_unix_millis()).unwrap_or(0);
        let verified = certificate.verify_for_usage(
            self.algorithms.all,
            &self.roots.roots,
            between,
            UnixTime::since_unix_epoch(Duration::from_millis(now)),
            // Public authorities issue no certificates for signing webhooks; vendors sign with those for TLS.
            KeyUsage::server_auth(),
            None,
            None,
        );
        match verified {
            Ok(_) => Ok(()),
            Err(error) => Err(KeyError::Untrusted(chain_words(&error))),
        }
    }
}

fn chain_words(error: &webpki::Error) -> String {
    match error {
        webpki::Error::UnknownIssuer => {
            "it is from no authority that is trusted here, or lacks a certificate in between".to_owned()
        }
        webpki::Error::CertExpired { .. } => "a certificate in between has expired".to_owned(),
        webpki::Error::CertNotValidYet { .. } => "a certificate in between is not valid yet".to_owned(),
        webpki::Error::CaUsedAsEndEntity => "it is an authority's own certificate".to_owned(),
        other => format!("{other:?}"),
    }
}

fn pem(certificate: &CertificateDer<'_>) -> Secret {
    let base64 = STANDARD.encode(certificate);
    Secret::new(format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"))
}

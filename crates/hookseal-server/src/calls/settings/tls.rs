//! The fields with certificates and a key. Whether they are what they should be is the transport's to say, which reads
//! them; here they are bounded, and kept together.

use hookseal::Secret;
use hookseal_engine::{ClientIdentity, EndpointTls, limits as engine};
use serde_json::value::RawValue;

use crate::object::{Given, Problems};

/// `ca_certificates`, `client_certificate` and `client_key`.
pub(super) struct TlsWishes {
    ca_certificates: Given<String>,
    certificate: Given<String>,
    key: Given<Secret>,
}

impl TlsWishes {
    pub(super) fn read(problems: &mut Problems, fields: [Option<&RawValue>; 3]) -> Self {
        let [ca_certificates, certificate, key] = fields;
        let certificates = engine::CERTIFICATES_BYTES_MAX;
        let key = match read_pem(problems, "client_key", key, engine::CLIENT_KEY_BYTES_MAX) {
            Given::Value(key) => Given::Value(Secret::new(key)),
            Given::Null => Given::Null,
            Given::Absent => Given::Absent,
        };
        Self {
            ca_certificates: read_pem(problems, "ca_certificates", ca_certificates, certificates),
            certificate: read_pem(problems, "client_certificate", certificate, certificates),
            key,
        }
    }

    /// Puts what is wished in its place. A certificate and its key are there together or not at all; either may be
    /// replaced alone, as when a certificate is renewed for the same key.
    pub(super) fn put(self, problems: &mut Problems, tls: &mut EndpointTls) {
        self.ca_certificates.put(&mut tls.ca_certificates);
        let (mut certificate, mut key) =
            tls.client.take().map(|client| (client.certificate, client.key)).unzip();
        self.certificate.put(&mut certificate);
        self.key.put(&mut key);
        tls.client = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                let detail = "is required with `client_certificate`; give null for both to go without";
                problems.add("client_key", detail);
                None
            }
            (None, Some(_)) => {
                let detail = "is required with `client_key`; give null for both to go without";
                problems.add("client_certificate", detail);
                None
            }
        };
    }
}

fn read_pem(
    problems: &mut Problems,
    field: &'static str,
    text: Option<&RawValue>,
    bytes_max: usize,
) -> Given<String> {
    let given = problems.read::<String>(field, text, "a string in PEM, or null");
    match &given {
        Given::Value(text) if text.len() > bytes_max => {
            problems.add(field, format!("has more than {bytes_max} bytes"));
            Given::Absent
        }
        _ => given,
    }
}

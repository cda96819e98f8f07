//! What a sender does beyond the signature: headers, success, timeout, retries, and how a new secret looks.

mod header_value;
mod status;

use std::time::Duration;

use zeroize::Zeroizing;

pub(crate) use header_value::HeaderValue;
pub(crate) use header_value::check_header_value;
pub(in crate::profile) use header_value::is_header_text;
pub use status::{StatusSet, StatusSetError};

use crate::error::SignError;
use crate::message::Message;
use crate::params::Params;
use crate::scheme::Encoding;
use crate::secret::Secret;
use crate::signed_headers::SignedHeaders;

/// The rules of a sender for one profile. What the vendor's document does not say is absent here.
#[derive(Debug)]
pub struct DeliveryPolicy {
    pub(super) headers: Vec<(String, HeaderValue)>,
    pub(super) timeout: Option<Duration>,
    pub(super) success: StatusSet,
    pub(super) retry_schedule: Option<Vec<Duration>>,
    pub(super) user_agent: Option<String>,
    pub(super) unsigned_allowed: bool,
    pub(super) disable_after_failures: Option<u32>,
    pub(super) secret: SecretFormat,
}

/// How a new secret is written.
#[derive(Debug)]
pub(super) struct SecretFormat {
    pub(super) prefix: String,
    pub(super) encoding: Encoding,
    pub(super) bytes: usize,
}

impl DeliveryPolicy {
    /// The headers that are sent beside the signature, as the profile writes them: the names in lower case, the values
    /// with references such as `{type}`.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, String)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.text()))
    }

    /// How long an attempt may take.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The status codes that count as delivered.
    pub fn success(&self) -> &StatusSet {
        &self.success
    }

    /// The waits before the second attempt and each one after it.
    pub fn retry_schedule(&self) -> Option<&[Duration]> {
        self.retry_schedule.as_deref()
    }

    /// The value of `user-agent`.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Whether a subscription may have no secret, and its deliveries no signature.
    pub fn unsigned_allowed(&self) -> bool {
        self.unsigned_allowed
    }

    /// After how many failed deliveries in a row a subscription is disabled.
    pub fn disable_after_failures(&self) -> Option<u32> {
        self.disable_after_failures
    }

    /// What a new secret begins with.
    #[cfg(feature = "guide")]
    pub(crate) fn secret_prefix(&self) -> &str {
        &self.secret.prefix
    }

    /// Whether a header holds the id of the subscription.
    #[cfg(feature = "guide")]
    pub(crate) fn names_subscription(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.names_subscription())
    }

    /// A new secret in the vendor's notation, made from random bytes: a shared one, or the seed of an Ed25519 key.
    /// The keys of ECDSA and RSA are made elsewhere, and brought.
    ///
    /// ```
    /// use hookseal::Profile;
    ///
    /// let profile = Profile::builtin("standard-webhooks").expect("built in");
    /// let secret = profile.delivery().new_secret(&[7; 32]);
    /// assert!(secret.expose().starts_with(b"whsec_"));
    /// ```
    pub fn new_secret(&self, entropy: &[u8; 32]) -> Secret {
        let format = &self.secret;
        // Reserved in full, so that no half-written secret is left behind in memory by growing.
        let mut text = Zeroizing::new(String::with_capacity(format.prefix.len() + 2 * entropy.len()));
        text.push_str(&format.prefix);
        format.encoding.encode(&entropy[..format.bytes], &mut text);
        Secret::new(text.as_bytes())
    }

    /// Writes the headers that depend on the message and not on a secret: content type, event type, ids.
    ///
    /// # Errors
    /// A value that a header needs is missing, or holds what a header cannot carry. Nothing is written then.
    pub fn write_headers(&self, message: &Message<'_>, out: &mut SignedHeaders) -> Result<(), SignError> {
        let before = out.len();
        let no_params = Params::new();
        for (name, value) in &self.headers {
            if let Err(error) = out.push(name, |text| value.write(message, &no_params, text)) {
                out.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl SecretFormat {
    /// 256 bits in hexadecimal: what is made where a profile says nothing, since the key is the text as it is.
    pub(super) fn hexadecimal() -> Self {
        Self { prefix: String::new(), encoding: Encoding::Hex, bytes: 32 }
    }
}

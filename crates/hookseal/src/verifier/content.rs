//! What a signature covers, and a digest of it by which the same request is known when it comes again.

use sha2::{Digest, Sha256};

use super::check::Verification;
use super::grammar::Parsed;
use super::{Verifier, extract};
use crate::error::VerifyError;
use crate::request::Request;
use crate::scheme::Algorithm;
use crate::values::Values;
use crate::verified::Verified;

impl Verifier {
    /// The SHA-256 of the bytes that the signature of a verified request covers, without the secret where a scheme
    /// signs that too.
    ///
    /// Whatever can be changed in a request while its signature still matches is not in it: spaces that the reading
    /// drops, headers, another of several signatures. So a request that was seen before has the digest that it had.
    /// Of a JSON Web Token it is the header and the payload; where a token or a password is sent along nothing is
    /// signed, and every request has the digest of no bytes.
    ///
    /// `verified` must be what [`verify`](Self::verify) made of this `request`.
    ///
    /// # Errors
    /// Only where `verified` belongs to another request.
    pub fn content_digest(
        &self,
        request: &Request<'_>,
        verified: &Verified<'_>,
    ) -> Result<[u8; 32], VerifyError> {
        let mut digest = Sha256::new();
        self.write_content(request, verified, &mut |bytes| digest.update(bytes))?;
        Ok(digest.finalize().into())
    }

    /// Writes the bytes that [`content_digest`](Self::content_digest) is of.
    pub(crate) fn write_content(
        &self,
        request: &Request<'_>,
        verified: &Verified<'_>,
        write: &mut impl FnMut(&[u8]),
    ) -> Result<(), VerifyError> {
        Verification::new(self, request, &[]).write_content(verified, write)
    }
}

impl Verification<'_, '_> {
    fn write_content(
        &self,
        verified: &Verified<'_>,
        write: &mut impl FnMut(&[u8]),
    ) -> Result<(), VerifyError> {
        let Some(rule) = &self.scheme.signature else { return Ok(()) };
        let algorithm = self.scheme.algorithm();
        if algorithm.is_some_and(Algorithm::is_shared_token) {
            return Ok(());
        }
        let mut fields = extract::Fields::default();
        extract::fields(self.request, &self.document, rule, &mut fields)?;
        let mut parsed = Parsed::default();
        extract::parse(self.verifier, rule, &fields, &mut parsed)?;
        if let Some(Algorithm::Jwt(_)) = algorithm {
            let token = parsed.candidates.nth(0).map_or(&[][..], |candidate| candidate.text);
            write(memchr::memrchr(b'.', token).map_or(token, |end| &token[..end]));
            return Ok(());
        }
        let times = self.timestamps(&parsed)?;
        let id = self.id()?;
        let group = verified.matched_group;
        let names = parsed.groups.nth(group).and_then(|group| group.names);
        let values = Values {
            timestamp: times.text(group),
            id: id.known(),
            header_names: names.unwrap_or_default(),
            request: *self.request,
            document: &self.document,
            reading: verified.matched_reading,
            params: &self.verifier.params,
            secret: None,
        };
        values.emit(&self.scheme.content, write)
    }
}

//! What a verifier reads out of a request, for what explains its verdict.

use std::sync::Arc;
use std::time::Duration;

use super::grammar::Parsed;
use super::{Mode, ToleranceOverride, Verifier, VerifyOptions, check_params, extract, prepare_keys};
use crate::document::Document;
use crate::error::{SecretError, VerifyError};
use crate::params::Params;
use crate::request::Request;
use crate::scheme::{Scheme, TimestampSource};
use crate::secret::Secret;

/// The parts of a request that a verification compares or signs.
pub(crate) struct Inspection {
    /// The texts that may be signatures, as they are written.
    pub(crate) candidates: Vec<Vec<u8>>,
    /// The texts of the timestamps, as they are written.
    pub(crate) timestamps: Vec<Vec<u8>>,
}

impl Verifier {
    /// A verifier of a scheme that stands in no profile, which takes a timestamp of any age.
    pub(crate) fn of_scheme(
        scheme: Arc<Scheme>,
        secrets: &[Secret],
        mode: Mode,
        params: Params,
    ) -> Result<Self, SecretError> {
        let keys = prepare_keys(&scheme, secrets)?;
        check_params(&scheme, &params)?;
        Ok(Self::assemble(scheme, keys, VerifyOptions { mode, tolerance: ToleranceOverride::Off, params }))
    }

    /// A verifier that has no keys, for [`inspect`](Self::inspect) alone.
    pub(crate) fn without_keys(scheme: Arc<Scheme>, mode: Mode, params: Params) -> Self {
        Self::assemble(scheme, Vec::new(), VerifyOptions { mode, tolerance: ToleranceOverride::Off, params })
    }

    /// Takes a request apart as a verification does, up to where signatures are computed.
    pub(crate) fn inspect(&self, request: &Request<'_>) -> Result<Inspection, VerifyError> {
        let document = Document::new(request.body);
        extract::required(request, &self.scheme.required)?;
        let Some(rule) = &self.scheme.signature else {
            return Ok(Inspection { candidates: Vec::new(), timestamps: Vec::new() });
        };
        let mut fields = extract::Fields::default();
        extract::fields(request, &document, rule, &mut fields)?;
        if self.scheme.algorithm().is_some_and(|algorithm| algorithm.is_shared_token()) {
            let candidates = fields.texts.iter().map(|text| text.to_vec()).collect();
            return Ok(Inspection { candidates, timestamps: Vec::new() });
        }
        let mut parsed = Parsed::default();
        extract::parse(self, rule, &fields, &mut parsed)?;
        let candidates = parsed.candidates.iter().map(|candidate| candidate.text.to_vec()).collect();
        let timestamps = match self.scheme.timestamp.as_ref().map(|rule| &rule.source) {
            None => Vec::new(),
            Some(TimestampSource::Field(_)) => {
                parsed.groups.iter().filter_map(|group| group.timestamp).map(<[u8]>::to_vec).collect()
            }
            Some(source) => extract::timestamp(request, &document, source)?
                .into_iter()
                .map(|text| text.into_owned())
                .collect(),
        };
        Ok(Inspection { candidates, timestamps })
    }
}

impl VerifyOptions {
    /// How far back and how far ahead a timestamp may lie; `None` is any distance.
    pub(crate) fn bounds(&self, scheme: &Scheme) -> (Option<Duration>, Option<Duration>) {
        self.tolerance.bounds(scheme)
    }
}

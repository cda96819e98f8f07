//! The proof as a handler takes it.

use std::{ops::Deref, sync::Arc};

use hookseal::VerifiedOwned;
use http::Extensions;

/// A verified request, for a handler to take in place of bytes.
///
/// The layer puts it into the extensions of a request that verified, and there is no other way to have one. It is the
/// library's [`VerifiedOwned`], shared: cloning it is cheap.
///
/// With the feature `axum` it is an extractor. A handler that takes it where no receiver's layer is around the route
/// does not run: the answer is 500, and the log says what is missing.
#[derive(Clone, Debug)]
pub struct Verified(Arc<VerifiedOwned>);

impl Verified {
    pub(crate) fn new(verified: VerifiedOwned) -> Self {
        Self(Arc::new(verified))
    }

    /// The proof that the layer left in the extensions of a request.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }
}

impl Deref for Verified {
    type Target = VerifiedOwned;

    fn deref(&self) -> &VerifiedOwned {
        &self.0
    }
}

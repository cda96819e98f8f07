//! The proof as an extractor of axum.

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{StatusCode, request::Parts};

use crate::{refusal::json, verified::Verified};

/// A handler takes [`Verified`] and no receiver's layer is around it. Nothing was verified, so it does not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no receiver's layer is around a handler that takes a verified request")]
pub struct LayerMissing;

impl<S: Send + Sync> FromRequestParts<S> for Verified {
    type Rejection = LayerMissing;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, LayerMissing> {
        Verified::of(&parts.extensions).cloned().ok_or_else(|| {
            tracing::error!(
                method = %parts.method,
                "a handler takes `Verified` and was not run: put `Receiver::layer` around its route"
            );
            LayerMissing
        })
    }
}

impl IntoResponse for LayerMissing {
    fn into_response(self) -> Response {
        let problem = r#"{"title":"the receiver is not set up","status":500,"code":"layer_missing"}"#;
        let body = Bytes::from_static(problem.as_bytes());
        json(StatusCode::INTERNAL_SERVER_ERROR, "application/problem+json", body).map(Body::new)
    }
}

//! Handshakes: the requests by which a vendor checks an endpoint.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use hookseal::{Action, Answer, Part, Request, Verified};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::{receiver::Settings, refusal::Refusal};

/// Does what some handshakes are not complete without: fetches the URL that confirms a subscription (Amazon SNS), or
/// keeps the secret that the vendor brings (Asana, Notion).
#[async_trait]
pub trait HandshakeActions: Send + Sync + 'static {
    /// Does it. The vendor is answered when this returns.
    ///
    /// # Errors
    /// It was not done. The vendor is answered 503, so that it asks again.
    async fn act(&self, action: Action) -> Result<(), ActionError>;
}

/// What a handshake asks for was not done.
#[derive(Debug, thiserror::Error)]
#[error("what the handshake asks for was not done")]
pub struct ActionError(#[source] pub Box<dyn Error + Send + Sync>);

#[async_trait]
impl<A: HandshakeActions + ?Sized> HandshakeActions for Arc<A> {
    async fn act(&self, action: Action) -> Result<(), ActionError> {
        A::act(self, action).await
    }
}

/// What a request is, before anything of it is believed.
pub(crate) enum Opening {
    /// A handshake that the vendor does not sign, and its answer.
    Answer(Answer),
    /// To be verified first, by this part of the profile.
    Verify(Part),
}

impl Settings {
    /// Looks whether a request is a handshake.
    pub(crate) fn open(&self, request: &Request<'_>) -> Result<Opening, Refusal> {
        let Some(handshake) = self.handshakes.find(request) else {
            return Ok(Opening::Verify(Part::Delivery));
        };
        match handshake.signed_by() {
            Some(part) => Ok(Opening::Verify(part)),
            None => handshake.answer(request, None).map(Opening::Answer).map_err(Refusal::Handshake),
        }
    }

    /// The answer to a handshake that was signed; nothing where the request is an event.
    pub(crate) fn answer_signed(
        &self,
        request: &Request<'_>,
        verified: &Verified<'_>,
    ) -> Result<Option<Answer>, Refusal> {
        let handshake = self.handshakes.find(request);
        let answer = handshake.map(|handshake| handshake.answer(request, Some(verified)));
        answer.transpose().map_err(Refusal::Handshake)
    }

    /// Does what an answer asks for, and makes a response of it.
    pub(crate) async fn complete(&self, answer: Answer) -> Result<Response<Full<Bytes>>, Refusal> {
        let response = response(&answer);
        match (answer.action, &self.actions) {
            (Some(action), Some(actions)) => actions.act(action).await.map_err(Refusal::Action)?,
            (Some(_), None) => {
                return Err(Refusal::Action(ActionError(
                    "no `on_handshake` was given to the receiver".into(),
                )));
            }
            (None, _) => {}
        }
        tracing::info!(source = self.source, "a handshake was answered");
        Ok(response)
    }
}

/// The library's answers hold valid names and values alone; what is not is left out.
fn response(answer: &Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body.clone())));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

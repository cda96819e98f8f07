//! The layer, and the service that it makes.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use crate::receiver::{Admission, Receiver};

/// Puts a receiver before a service: [`Receiver::layer`].
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    receiver: Receiver,
}

/// A service that is called with verified requests alone.
///
/// It takes requests with any body. The inner service is called with a request whose body is all of the bytes that
/// were verified, and whose extensions hold the [`Verified`](crate::Verified); everything else of it is as it came.
#[derive(Clone, Debug)]
pub struct Verify<S> {
    receiver: Receiver,
    inner: S,
}

impl VerifyLayer {
    pub(crate) fn new(receiver: Receiver) -> Self {
        Self { receiver }
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Verify<S> {
        Verify { receiver: self.receiver.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for Verify<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    R: Body<Data = Bytes> + Send,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled is the one that is ready; a clone of it may not be.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        let receiver = self.receiver.clone();
        Box::pin(async move { run(receiver, inner, request).await })
    }
}

async fn run<S, B, R>(
    receiver: Receiver,
    mut inner: S,
    request: Request<B>,
) -> Result<Response<Either<R, Full<Bytes>>>, S::Error>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
    B: Body,
{
    let (request, claim) = match receiver.admit(request).await {
        Admission::Run(request, claim) => (*request, claim),
        Admission::Answered(answer) => return Ok(answer.map(Either::Right)),
    };
    let outcome = inner.call(request).await;
    if let Some(claim) = claim {
        receiver.settle(claim, outcome.as_ref().ok().map(Response::status)).await;
    }
    outcome.map(|response| response.map(Either::Left))
}

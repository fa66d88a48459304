//! Whether all of a request's body has come.
//!
//! A connection on which a request was answered before its end is closed. Only the answer's head can tell the client so, before it
//! sends its next request there.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Request, Response, header::CONNECTION},
};
use hyper::body::{Frame, SizeHint};

/// What is known of a body that was handed on.
pub(crate) struct Arrival(Option<Arc<AtomicBool>>);

/// Hands the request on, and watches its body come if it has one.
pub(crate) fn watched(request: Request<Body>) -> (Request<Body>, Arrival) {
    if request.body().is_end_stream() {
        return (request, Arrival(None));
    }
    let whole = Arc::new(AtomicBool::new(false));
    let arrival = Arrival(Some(Arc::clone(&whole)));
    (request.map(|body| Body::new(Watched { body, whole })), arrival)
}

impl Arrival {
    /// Tells the client with the answer's head when this connection takes no further request.
    pub(crate) fn told(&self, mut response: Response<Body>) -> Response<Body> {
        if self.0.as_ref().is_some_and(|whole| !whole.load(Ordering::Relaxed)) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

struct Watched {
    body: Body,
    whole: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.whole.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// Tells the client of a request that is refused before its body was read that the connection ends with the answer.
///
/// hyper ends it, rather than read a body that nobody wants. A client that is not told sends its next request into a connection
/// that is being closed, and has no answer. The connection is told too, by [`LeftUnread`].
pub(crate) async fn say_close(request: Request, next: Next) -> Response {
    let left_unread = request.extensions().get::<LeftUnread>().cloned();
    let (head, body) = request.into_parts();
    let is_read = Arc::new(AtomicBool::new(hyper::body::Body::is_end_stream(&body)));
    let body = Body::new(WatchedBody {
        body,
        is_read: Arc::clone(&is_read),
    });
    let mut response = next.run(Request::from_parts(head, body)).await;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if refused && !is_read.load(Ordering::Relaxed) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        if let Some(left_unread) = left_unread {
            left_unread.0.store(true, Ordering::Relaxed);
        }
    }
    response
}

/// Whether a connection ends although its client may still be sending; comes with every request of it.
#[derive(Clone, Default)]
pub(crate) struct LeftUnread(Arc<AtomicBool>);

impl LeftUnread {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes when it has been read to its end.
struct WatchedBody {
    body: Body,
    is_read: Arc<AtomicBool>,
}

impl hyper::body::Body for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;

    /// The answer's `connection`, and whether the connection is told.
    async fn outcome(path: &str, body: &'static str) -> (Option<HeaderValue>, bool) {
        let router = Router::new()
            .route("/refuse", post(async || StatusCode::TOO_MANY_REQUESTS))
            .route("/read", post(async |_: Bytes| StatusCode::BAD_REQUEST))
            .route("/ignore", post(async || StatusCode::OK))
            .layer(axum::middleware::from_fn(say_close));
        let told = LeftUnread::default();
        let request = Request::post(path).extension(told.clone());
        let request = request.body(Body::from(body)).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let connection = response.headers().get(header::CONNECTION).cloned();
        (connection, told.is_set())
    }

    #[tokio::test]
    async fn a_refusal_that_leaves_a_body_unread_says_that_the_connection_ends() {
        let close = Some(HeaderValue::from_static("close"));
        assert_eq!(outcome("/refuse", "x").await, (close, true));
        assert_eq!(outcome("/refuse", "").await, (None, false), "no body");
        assert_eq!(outcome("/read", "x").await, (None, false), "it was read");
        assert_eq!(outcome("/ignore", "x").await, (None, false), "no refusal");
    }
}

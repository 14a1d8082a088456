use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// `body`, with something that is held until its last piece is written or the connection ends.
pub(super) fn until_last_byte<T: Ending + Unpin + Send + Sync + 'static>(
    body: Body,
    held: T,
) -> Body {
    if HttpBody::is_end_stream(&body) {
        held.complete();
        return body;
    }
    let held = Some(held);
    Body::new(Held { body, held })
}

/// What is held until an answer ends.
pub(super) trait Ending {
    /// All of the answer has been handed over to be written. Not called if the client goes away before.
    fn complete(&self) {}
}

/// An answer that holds something until its last piece is written.
struct Held<T> {
    body: Body,
    held: Option<T>,
}

/// The last piece of an answer: hyper drops a body as soon as it has that, and the piece once it is written.
struct LastPiece<T> {
    bytes: Bytes,
    _held: T,
}

impl<T> AsRef<[u8]> for LastPiece<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Ending + Unpin + Send + Sync + 'static> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !self.body.is_end_stream() && frame.is_some() {
            return Poll::Ready(frame);
        }
        let Some(held) = self.held.take() else {
            return Poll::Ready(frame);
        };
        if !matches!(frame, Some(Err(_))) {
            held.complete();
        }
        let mut held = Some(held);
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| match held.take() {
                    Some(_held) => Bytes::from_owner(LastPiece { bytes, _held }),
                    None => bytes,
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

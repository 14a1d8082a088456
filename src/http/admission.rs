use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::http::AppState;
use crate::http::error::ApiError;

/// How long a client is ready to wait, in milliseconds.
const TIMEOUT: HeaderName = HeaderName::from_static("x-timeout-ms");

/// The header, for the API's documentation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header to OpenAPI")]
pub(crate) struct TimeoutHeader {
    /// Milliseconds after which the client does not want the answer any longer; no more than the server's own limit.
    #[param(rename = "x-timeout-ms", required = false, schema_with = milliseconds)]
    timeout: u64,
}

/// More than any integer type holds is taken too: it is no more than the limit.
fn milliseconds() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .build()
}

/// When a request must be answered; handlers find it among its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// Lets a request in if there is room, and gives it up when its time is over.
///
/// The permit is taken before the body is read, and held until the answer's last byte is written or the connection ends: so it
/// bounds the bytes held for clients as well as the work.
pub(crate) async fn admit(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let permit = Arc::clone(&app.in_flight)
        .try_acquire_owned()
        .map_err(|_full| ApiError::Full {
            requests: app.limits.max_in_flight,
            // When about one of them has ended.
            retry_after: app.engine.backlog() / places(app.limits.max_in_flight),
        })?;
    let limit = time_limit(request.headers(), app.limits.request_timeout)?;
    let deadline = Deadline(Instant::now() + limit);
    request.extensions_mut().insert(deadline);
    let response = tokio::time::timeout(limit, next.run(request))
        .await
        .map_err(|_late| ApiError::TimedOut(limit))?;
    Ok(response.map(|body| {
        Body::new(Held {
            body,
            permit: Some(permit),
        })
    }))
}

/// What the client asks for, but no more than the server allows.
fn time_limit(headers: &HeaderMap, most: Duration) -> Result<Duration, ApiError> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(most);
    };
    let digits = value.to_str().unwrap_or_default().trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    match is_number.then(|| digits.parse().unwrap_or(u64::MAX)) {
        Some(wanted @ 1..) => Ok(Duration::from_millis(wanted).min(most)),
        _ => Err(ApiError::Malformed(format!(
            "x-timeout-ms must be an integer of at least 1, not {value:?}"
        ))),
    }
}

fn places(max_in_flight: usize) -> u32 {
    u32::try_from(max_in_flight).unwrap_or(u32::MAX).max(1)
}

/// An answer that holds its request's permit until its last piece is written.
struct Held {
    body: Body,
    permit: Option<OwnedSemaphorePermit>,
}

/// The last piece of an answer: hyper drops a body as soon as it has that, and the piece once it is written.
struct LastPiece {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for LastPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !self.body.is_end_stream() {
            return Poll::Ready(frame);
        }
        let permit = self.permit.take();
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| match permit {
                Some(permit) => frame.map_data(|bytes| {
                    let _permit = permit;
                    Bytes::from_owner(LastPiece { bytes, _permit })
                }),
                None => frame,
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_may_wait_less_long_than_the_server_allows() {
        let most = Duration::from_secs(10);
        let limit = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, HeaderValue::from_static(value));
            time_limit(&headers, most)
        };
        assert_eq!(time_limit(&HeaderMap::new(), most).unwrap(), most);
        assert_eq!(limit("250").unwrap(), Duration::from_millis(250));
        for much in ["99999", "9223372036854775808", "99999999999999999999999"] {
            assert_eq!(limit(much).unwrap(), most);
        }
        for bad in ["", "0", "00", "-1", "+1", "1.5", "soon"] {
            let message = limit(bad).unwrap_err().to_string();
            assert!(message.contains(&format!("not {bad:?}")), "{message}");
        }
    }
}

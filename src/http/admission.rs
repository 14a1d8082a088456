use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use utoipa::IntoParams;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::keys::{Caller, Keys};
use crate::http::last_byte::until_last_byte;
use crate::http::shares::NoPlace;

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
/// The place is taken before the body is read, and held until the answer's last byte is written or the connection ends: so it
/// bounds the bytes held for clients as well as the work.
pub(crate) async fn admit(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let callers = app.access.keys.as_deref().map_or(0, Keys::callers);
    let place = app
        .in_flight
        .take(request.extensions().get::<Caller>(), callers);
    // When about one of them has ended.
    let retry_after = || app.engine.backlog() / places(app.limits.max_in_flight);
    let place = place.map_err(|none| match none {
        NoPlace::Full => ApiError::Full {
            requests: app.limits.max_in_flight,
            retry_after: retry_after(),
        },
        NoPlace::Share(requests) => ApiError::OverShare {
            requests,
            retry_after: retry_after(),
        },
    })?;
    let limit = time_limit(request.headers(), app.limits.request_timeout)?;
    let deadline = Deadline(Instant::now() + limit);
    request.extensions_mut().insert(deadline);
    let response = tokio::time::timeout(limit, next.run(request))
        .await
        .map_err(|_late| ApiError::TimedOut(limit))?;
    Ok(response.map(|body| until_last_byte(body, place)))
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

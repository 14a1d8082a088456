//! Reading a client's JSON off the async threads.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tower_http::timeout::TimeoutError;

use crate::held::Held;
use crate::http::AppState;
use crate::http::error::{ApiError, caused_by};
use crate::http::upload::declared_length;
use crate::received::Received;
use crate::wire::{Ignored, MAX_JSON_BYTES, Reading, Request, RequestError};

/// Names the keys of a request that nobody reads.
pub(crate) const IGNORED_KEYS: HeaderName = HeaderName::from_static("x-ignored-keys");

/// The body of a request, counted as it arrives.
///
/// # Errors
/// When it is too large, breaks off, or there is no memory for it.
pub(crate) async fn receive(
    headers: &HeaderMap,
    mut body: Body,
    held: &Held,
) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::TooLarge {
        what: "body",
        limit: MAX_JSON_BYTES,
        setting: None,
    };
    // Said in advance, or counted.
    if declared_length(headers) > MAX_JSON_BYTES as u64 {
        return Err(too_large());
    }
    let mut received = Received::default();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|error| unreadable(&error))?.into_data() else {
            continue;
        };
        let bytes = received.len() + chunk.len();
        if bytes > MAX_JSON_BYTES {
            return Err(too_large());
        }
        held.grow_to((bytes + Received::SLACK) as u64).await?;
        received.push(&chunk);
    }
    Ok(received.join())
}

fn unreadable(error: &axum::Error) -> ApiError {
    if caused_by::<TimeoutError>(error) {
        return ApiError::Stalled;
    }
    ApiError::Malformed(format!("the body could not be read: {error}"))
}

/// Runs `read` on a thread for blocking work, of which no more than a few do this at a time.
///
/// # Errors
/// What `read` refuses.
pub(crate) async fn read(
    app: &AppState,
    read: impl FnOnce(Reading) -> Result<Request, RequestError> + Send + 'static,
) -> Result<Request, ApiError> {
    let reading = Reading {
        max_tasks: app.limits.max_tasks,
        strict: app.limits.strict,
    };
    let permit = std::sync::Arc::clone(&app.json_threads);
    let permit = permit
        .acquire_owned()
        .await
        .map_err(|_closed| ApiError::Internal)?;
    let request = tokio::task::spawn_blocking(move || {
        // Held until it is read, though the client may be gone.
        let _permit = permit;
        read(reading)
    });
    let request = request.await.map_err(|error| {
        tracing::error!(%error, "reading a request's JSON failed");
        ApiError::Internal
    })??;
    if !request.ignored.is_empty() {
        tracing::warn!(keys = %request.ignored, "keys that nobody reads");
    }
    Ok(request)
}

/// The keys that nobody reads, if there are any.
pub(crate) fn ignored_keys(ignored: &Ignored) -> Option<HeaderValue> {
    let value = HeaderValue::try_from(ignored.to_string()).ok()?;
    (!ignored.is_empty()).then_some(value)
}

/// A page on another site can post text, a form or a `Blob` without a type without asking, but not JSON: requiring the type keeps
/// browsers from being used to make this server fetch things. FastAPI requires it for the same reason.
///
/// # Errors
/// [`ApiError::NotJson`], naming what the type is.
pub(crate) fn require_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Err(ApiError::Untyped);
    };
    let value = String::from_utf8_lossy(value.as_bytes());
    let essence = value.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    if subtype == "json" || (subtype.ends_with("+json") && !subtype.contains('/')) {
        return Ok(());
    }
    Err(ApiError::NotJson(value.chars().take(100).collect()))
}

#[cfg(test)]
mod tests {
    use engine::MemoryPool;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_of_the_memory_for_requests_and_one_that_finds_none_is_told_so() {
        let pool = MemoryPool::new(3 << 20);
        let body = || Body::from(vec![b' '; MAX_JSON_BYTES]);
        let none = HeaderMap::new();
        let held = Held::of(&pool);
        let bytes = receive(&none, body(), &held).await.unwrap();
        assert_eq!(bytes.len(), MAX_JSON_BYTES);
        assert!(pool.free() <= (1 << 20), "{} are free", pool.free());
        let refused = receive(&none, body(), &Held::of(&pool)).await;
        assert!(matches!(refused, Err(ApiError::NoRoom)), "{refused:?}");
        drop(held);
        assert_eq!(pool.free(), 3 << 20);
        assert!(receive(&none, body(), &Held::of(&pool)).await.is_ok());
        let longer = Body::from(vec![b' '; MAX_JSON_BYTES + 1]);
        let refused = receive(&none, longer, &Held::of(&pool)).await;
        assert!(matches!(refused, Err(ApiError::TooLarge { .. })));
    }

    #[test]
    fn json_is_known_by_its_type_as_fastapi_knows_it() {
        let is_json = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            require_type(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)])).is_ok()
        };
        for taken in [
            "application/json",
            "Application/JSON ; charset=utf-8",
            "application/geo+json",
            "application/json;",
        ] {
            assert!(is_json(taken), "{taken}");
        }
        for refused in [
            "",
            "text/plain",
            "text/json",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "text/plain; application/json",
            "application/a/b+json",
        ] {
            assert!(!is_json(refused), "{refused}");
        }
        assert!(matches!(
            require_type(&HeaderMap::new()),
            Err(ApiError::Untyped)
        ));
    }
}

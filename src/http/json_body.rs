//! Reading a client's JSON off the async threads.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::wire::{Ignored, Reading, Request, RequestError};

/// Names the keys of a request that nobody reads.
pub(crate) const IGNORED_KEYS: HeaderName = HeaderName::from_static("x-ignored-keys");

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
    use super::*;

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

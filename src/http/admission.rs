use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::AppState;
use crate::http::error::ApiError;

/// Lets a request in if there is room, and gives it up when its time is over.
///
/// The permit is taken before the body is read, so it bounds the bytes held for clients as well as the work.
pub(crate) async fn admit(
    State(app): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let _permit = Arc::clone(&app.in_flight)
        .try_acquire_owned()
        .map_err(|_full| ApiError::Overloaded(app.limits.max_in_flight))?;
    let limit = app.limits.request_timeout;
    tokio::time::timeout(limit, next.run(request))
        .await
        .map_err(|_late| ApiError::TimedOut(limit.as_secs()))
}

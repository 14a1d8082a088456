use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::wire::OperationStatus;

/// The answer of `GET /health`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
    /// The server's version.
    #[schema(value_type = String)]
    version: &'static str,
}

/// The answer of `GET /ready`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether to send requests here: nothing is still loading, and at least one target of an operation answers.
    ready: bool,
    /// Each operation's state.
    #[schema(value_type = std::collections::HashMap<String, OperationStatus>)]
    operations: IndexMap<&'static str, OperationStatus>,
}

/// Is the process alive?
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Which operations can answer?
///
/// An operation without its weights does not keep the others from being ready. An operation's own `state` is that of a
/// task without `params`; `targets` has each way to ask for it.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "service",
    responses(
        (status = 200, description = "Ready", body = Ready),
        (status = 503, description = "Still loading, or no operation answers", body = Ready),
    )
)]
pub(crate) async fn ready(Shared(app): Shared<AppState>) -> (StatusCode, Json<Ready>) {
    let operations = OperationStatus::of_all(&app.engine);
    let mut states = operations.values();
    let ready =
        !states.clone().any(OperationStatus::loading) && states.any(OperationStatus::answers);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Ready { ready, operations }))
}

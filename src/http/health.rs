use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::http::refusals::AnyRoute;
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
    /// Whether to send requests here: the models to be loaded at start are there or have failed, and at least one target of an
    /// operation answers. What is loaded on demand, later, does not change it.
    ready: bool,
    /// Each operation's state.
    #[schema(value_type = std::collections::HashMap<String, OperationStatus>)]
    operations: IndexMap<&'static str, OperationStatus>,
}

/// Is the process alive?
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health), AnyRoute))]
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
        (status = 503, description = "Still starting, or no operation answers", body = Ready),
        AnyRoute,
    )
)]
pub(crate) async fn ready(Shared(app): Shared<AppState>) -> (StatusCode, Json<Ready>) {
    let operations = OperationStatus::of_all(&app.engine);
    let answers = operations.values().any(OperationStatus::answers);
    let ready = app.started.load(Ordering::Relaxed) && answers;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Ready { ready, operations }))
}

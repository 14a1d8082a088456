use axum::Json;
use axum::extract::State;

use crate::http::AppState;
use crate::http::refusals::{Access, AnyRoute, Connections};
use crate::wire::OperationsResponse;

/// What can be asked of an image
///
/// Every operation this version performs, with its targets, its parameters and whether it can answer now.
#[utoipa::path(
    get,
    path = "/available_operations/",
    tag = "service",
    responses((status = 200, body = OperationsResponse), AnyRoute, Access, Connections)
)]
pub(crate) async fn available_operations(State(app): State<AppState>) -> Json<OperationsResponse> {
    Json(OperationsResponse::new(&app.engine))
}

use axum::Json;
use axum::extract::State;

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::refusals::{Access, AnyRoute, Connections};
use crate::wire::ClassifiersResponse;

/// Which collections have a classifier
///
/// What `classify` answers by, as it is on disk now, and what is wrong with it if anything is.
#[utoipa::path(
    get,
    path = "/classifiers/",
    tag = "service",
    responses((status = 200, body = ClassifiersResponse), AnyRoute, Access, Connections)
)]
pub(crate) async fn classifiers(
    State(app): State<AppState>,
) -> Result<Json<ClassifiersResponse>, ApiError> {
    let listing = app.engine.classifiers().await?;
    Ok(Json(ClassifiersResponse::new(listing)))
}

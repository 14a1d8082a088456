//! The HTTP API. [`router`] is the whole map of URLs.

mod access_log;
mod admission;
mod analyze;
mod classifiers;
mod connections;
mod error;
pub mod form;
mod health;
mod json_body;
mod lingering;
mod openapi;
mod operations;
mod origins;
mod paced;
mod pieces_body;
mod places;
mod refusals;
mod server;
mod state;
mod unread_body;
mod upload;

use axum::Router;
use axum::routing::{get, post};
use axum::{extract::DefaultBodyLimit, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use origins::{Origins, Sites};
pub use server::{ServerError, bind, serve};
pub use state::{AppState, HttpLimits};

use error::ApiError;

/// Every route of the service.
///
/// Each is served and documented by the same line; the API's paths work without their last slash too.
pub fn router(state: AppState) -> Router {
    let analysis = OpenApiRouter::new()
        .routes(routes!(analyze::by_url))
        .routes(routes!(analyze::by_upload))
        .route("/analyze_image", post(analyze::by_url))
        .route("/analyze_image_upload", post(analyze::by_upload))
        // Handlers count the bytes they read, against the limit that fits what they read.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            state.clone(),
            admission::admit,
        ))
        .layer(RequestBodyTimeoutLayer::new(state.limits.body_idle_timeout));
    let lookups = OpenApiRouter::new()
        .routes(routes!(operations::available_operations))
        .route(
            "/available_operations",
            get(operations::available_operations),
        )
        .routes(routes!(classifiers::classifiers))
        .route("/classifiers", get(classifiers::classifiers));
    let probes = OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::ready));

    let (router, document) = OpenApiRouter::with_openapi(openapi::head())
        .merge(analysis)
        .merge(lookups)
        .layer(middleware::from_fn(places::refuse_on_spare_connection))
        .merge(probes)
        .split_for_parts();
    router
        .merge(openapi::docs(openapi::complete(document)))
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(
            state.clone(),
            origins::check,
        ))
        .layer(state.origins.cors())
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn(access_log::log))
        .layer(middleware::from_fn(unread_body::say_close))
        .with_state(state)
}

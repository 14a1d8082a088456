//! The HTTP API. [`router`] is the whole map of URLs.

mod access_log;
mod admission;
mod analyze;
mod authentication;
mod classifiers;
mod connections;
mod error;
pub mod form;
mod health;
mod json_body;
mod keys;
mod last_byte;
mod lingering;
mod metrics;
mod openapi;
mod operations;
mod origins;
mod paced;
mod pieces_body;
mod places;
mod rate;
mod refusals;
mod server;
mod shares;
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

pub use keys::{Caller, Keys, KeysError};
pub use origins::{Origins, Sites};
pub use server::{ServerError, bind, serve};
pub use state::{Access, AppState, HttpLimits};

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
        .layer(middleware::from_fn_with_state(
            state.clone(),
            authentication::limit_rate,
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

    let numbers = OpenApiRouter::new().routes(routes!(metrics::metrics));
    let (of_callers, of_all) = if state.access.public_metrics {
        (OpenApiRouter::new(), numbers)
    } else {
        (numbers, OpenApiRouter::new())
    };
    let for_callers =
        analysis
            .merge(lookups)
            .merge(of_callers)
            .layer(middleware::from_fn_with_state(
                state.clone(),
                authentication::authenticate,
            ));
    let paths = for_callers.get_openapi().paths.paths.keys().cloned();
    let paths: Vec<_> = paths.collect();

    let (router, mut document) = OpenApiRouter::with_openapi(openapi::head())
        .merge(for_callers)
        .merge(of_all)
        .layer(middleware::from_fn(places::refuse_on_spare_connection))
        .merge(probes)
        .split_for_parts();
    authentication::document(&mut document, &paths, state.access.keys.as_deref());
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
        .layer(middleware::from_fn_with_state(
            state.clone(),
            metrics::observe,
        ))
        .layer(middleware::from_fn(unread_body::say_close))
        .with_state(state)
}

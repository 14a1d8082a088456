use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Span;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, PathItem};

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::keys::{Caller, Keys};

/// The two ways to send a key, as the API's documentation names them.
const SCHEMES: [&str; 2] = ["bearer", "x-api-key"];

/// Lets in who has a key, if the server has keys. The caller's name goes into the log, and with the request.
pub(crate) async fn authenticate(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(keys) = &app.access.keys else {
        return Ok(next.run(request).await);
    };
    let caller = keys.caller(request.headers());
    let caller = caller.map_err(ApiError::Unauthorized)?;
    Span::current().record("caller", caller.name());
    request.extensions_mut().insert(caller.clone());
    Ok(engine::on_behalf_of(caller.shared_name(), next.run(request)).await)
}

/// Refuses a caller's request if there were too many of them lately.
pub(crate) async fn limit_rate(
    State(app): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let (Some(rate), Some(caller)) = (&app.access.rate, request.extensions().get::<Caller>()) {
        let taken = rate.take(caller, Instant::now());
        taken.map_err(|retry_after| ApiError::TooOften {
            per_minute: rate.per_minute(),
            retry_after,
        })?;
    }
    Ok(next.run(request).await)
}

/// Says in the API's documentation which operations want a key: all of `paths`. On a server without keys, they take one too.
pub(crate) fn document(document: &mut OpenApi, paths: &[String], keys: Option<&Keys>) {
    let components = document.components.get_or_insert_default();
    let [bearer, header] = SCHEMES;
    let of_bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    components.add_security_scheme(bearer, SecurityScheme::Http(of_bearer.build()));
    let of_header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key")));
    components.add_security_scheme(header, of_header);
    let mut security: Vec<_> = SCHEMES
        .map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new()))
        .into();
    if keys.is_none() {
        security.insert(0, SecurityRequirement::default());
    }
    for path in paths {
        let Some(PathItem { get, post, .. }) = document.paths.paths.get_mut(path) else {
            continue;
        };
        for operation in [get, post].into_iter().flatten() {
            operation.security = Some(security.clone());
        }
    }
}

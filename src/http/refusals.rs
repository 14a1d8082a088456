//! What routes may answer instead of their own answers, for the API's documentation; [`ApiError`] has it all.
//!
//! [`ApiError`]: crate::http::error::ApiError

use utoipa::IntoResponses;

use crate::wire::ErrorBody;

/// Of every route.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers to OpenAPI")]
pub(crate) enum AnyRoute {
    /// The request is for the name of another host (`--allowed-hosts`)
    #[response(status = 421)]
    OtherHost(ErrorBody),
    /// A bug; the server's log has the cause
    #[response(status = 500)]
    Internal(ErrorBody),
}

/// Of every route but those that ask after the server's health.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers to OpenAPI")]
pub(crate) enum Connections {
    /// All connections are taken (`--max-connections`)
    #[response(
        status = 503,
        headers(("retry-after" = u64, description = "Seconds after which to come back"))
    )]
    Taken(ErrorBody),
}

/// Of the routes that want a key, where the server has keys.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers to OpenAPI")]
pub(crate) enum Access {
    /// No key, or not one of this server's
    #[response(
        status = 401,
        headers(("www-authenticate" = String, description = "`Bearer`, with `error=\"invalid_token\"` for a wrong key"))
    )]
    Unauthorized(ErrorBody),
}

/// Of the routes that analyse images.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers to OpenAPI")]
pub(crate) enum Analysis {
    /// A browser sent it from another site's page (`--cors-origins`)
    #[response(status = 403)]
    OtherSite(ErrorBody),
    /// The body stopped arriving
    #[response(status = 408)]
    Stalled(ErrorBody),
    /// The body, or the image in it, is too large
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// Too many requests at a time or a minute, or too much to do to answer in time
    #[response(
        status = 429,
        headers(("retry-after" = u64, description = "Seconds after which to come back"))
    )]
    Busy(ErrorBody),
    /// Not finished within the server's time, or `x-timeout-ms`
    #[response(status = 504)]
    TimedOut(ErrorBody),
}

use std::any::Any;
use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{AnalyzeError, Overloaded};
use imaging::DecodeError;
use thiserror::Error as ThisError;

use crate::config::setting_of;
use crate::fetch::FetchError;
use crate::held::NoRoom;
use crate::http::keys::Unknown;
use crate::metrics::Refusal;
use crate::wire::{ErrorBody, RequestError};

/// Everything a client can be told instead of an answer; the text is the body's `detail`.
#[derive(Debug, ThisError)]
pub(crate) enum ApiError {
    #[error("Not Found")]
    NotFound,
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    #[error("{}", who_are_you(.0))]
    Unauthorized(Unknown),
    #[error("{0}")]
    Malformed(String),
    #[error("the request is for the host '{0}', which is not this server's (see --allowed-hosts)")]
    OtherHost(String),
    #[error(
        "the request comes from a page of another site, {0}, which may not ask this server (see --cors-origins)"
    )]
    OtherSite(String),
    #[error("the body has no content type; send `content-type: application/json`")]
    Untyped,
    #[error("the body's content type is '{0}', not application/json")]
    NotJson(String),
    #[error("the {what} is larger than the {limit} bytes that are accepted{}", named(.setting))]
    TooLarge {
        what: &'static str,
        limit: usize,
        /// What raises the limit.
        setting: Option<&'static str>,
    },
    #[error("the rest of the body did not arrive in time")]
    Stalled,
    #[error("Could not download image from URL: {0}")]
    Download(FetchError),
    #[error("Could not process image: {0}{hint}", hint = who_allows_it(.0))]
    Image(AnalyzeError),
    #[error("the server is busy with {requests} requests; try again shortly")]
    Full {
        requests: usize,
        retry_after: Duration,
    },
    #[error(
        "the server is working on {requests} of your requests, which is all it does while others may come; try again shortly"
    )]
    OverShare {
        requests: usize,
        retry_after: Duration,
    },
    #[error("you have sent more than {per_minute} requests in a minute (--requests-per-minute)")]
    TooOften {
        per_minute: NonZeroU32,
        retry_after: Duration,
    },
    #[error(
        "the server has as many connections as it takes (--max-connections); try again shortly"
    )]
    TooManyConnections,
    #[error(
        "the images of other requests take all the memory there is for them; try again shortly"
    )]
    NoRoom,
    #[error(transparent)]
    Overloaded(Overloaded),
    #[error("the request was not finished within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("internal error")]
    Internal,
}

/// Why a request is refused, for the log and for metrics; comes with the answer.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    pub(crate) detail: String,
}

fn named(setting: &Option<&str>) -> String {
    setting.map_or_else(String::new, |setting| format!(" ({setting})"))
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) | Self::Download(_) | Self::Image(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::OtherHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::OtherSite(_) => StatusCode::FORBIDDEN,
            Self::Untyped | Self::NotJson(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Full { .. }
            | Self::OverShare { .. }
            | Self::TooOften { .. }
            | Self::NoRoom
            | Self::Overloaded(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl ApiError {
    /// The same of a form's field.
    pub(crate) fn within(self, field: &str) -> Self {
        match self {
            Self::Malformed(what) => Self::Malformed(format!("{field}: {what}")),
            other => other,
        }
    }

    /// Its name in metrics.
    fn refusal(&self) -> Refusal {
        let of_image = |reason| Refusal::Image(reason);
        match self {
            Self::NotFound => Refusal::Request("not_found"),
            Self::MethodNotAllowed => Refusal::Request("method"),
            Self::Malformed(_) | Self::Untyped | Self::NotJson(_) => Refusal::Request("malformed"),
            Self::Unauthorized(_) => Refusal::Request("unauthorized"),
            Self::OtherHost(_) => Refusal::Request("other_host"),
            Self::OtherSite(_) => Refusal::Request("other_site"),
            Self::TooLarge { what: "image", .. } => of_image("bytes"),
            Self::TooLarge { .. } => Refusal::Request("too_large"),
            Self::Stalled => Refusal::Request("stalled"),
            Self::Download(_) => Refusal::Request("download"),
            Self::Image(AnalyzeError::Image(error)) => of_image(match error {
                DecodeError::NotAnImage { .. } => "not_an_image",
                DecodeError::NotDecoded { .. } => "not_decoded",
                DecodeError::Unsupported { .. } => "unsupported",
                DecodeError::Corrupt { .. } => "corrupt",
                DecodeError::Truncated { .. } => "truncated",
                DecodeError::TooLarge(_) => "pixels",
            }),
            Self::Image(_) | Self::Internal => Refusal::Request("internal"),
            Self::Full { .. } => Refusal::Request("full"),
            Self::OverShare { .. } => Refusal::Request("share"),
            Self::TooOften { .. } => Refusal::Request("rate"),
            Self::TooManyConnections => Refusal::Request("connections"),
            Self::NoRoom => Refusal::Request("memory"),
            Self::Overloaded(_) => Refusal::Request("overloaded"),
            Self::TimedOut(_) => Refusal::Request("timeout"),
        }
    }

    /// When it is worth to ask again, if that is all that is wrong.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Full { retry_after, .. }
            | Self::OverShare { retry_after, .. }
            | Self::TooOften { retry_after, .. } => Some(*retry_after),
            Self::Overloaded(error) => Some(error.retry_after()),
            Self::NoRoom | Self::TooManyConnections => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// How to say who one is (RFC 6750 §3), if that is what is wrong.
    fn challenge(&self) -> Option<HeaderValue> {
        match self {
            Self::Unauthorized(Unknown::NoKey) => Some("Bearer realm=\"image-embed\""),
            Self::Unauthorized(Unknown::WrongKey) => {
                Some("Bearer realm=\"image-embed\", error=\"invalid_token\"")
            }
            _ => None,
        }
        .map(HeaderValue::from_static)
    }
}

fn who_are_you(unknown: &Unknown) -> &'static str {
    match unknown {
        Unknown::NoKey => {
            "this server wants a key: send it as `authorization: Bearer KEY` or `x-api-key: KEY`"
        }
        Unknown::WrongKey => "the key is not one of this server's",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let challenge = self.challenge();
        let refused = Refused {
            refusal: self.refusal(),
            detail: self.to_string(),
        };
        let body = Json(ErrorBody {
            detail: refused.detail.clone(),
        });
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(refused);
        if let Some(time) = self.retry_after() {
            let seconds = time.as_secs_f64().ceil().max(1.0) as u64;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = challenge {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The setting that lets a larger image in.
fn who_allows_it(error: &AnalyzeError) -> String {
    match error {
        AnalyzeError::Image(DecodeError::TooLarge(limit)) => setting_of(limit)
            .map(|setting| format!("; the server's setting {setting} allows more"))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// Whether `E` is `error` or one of its causes: what went wrong with a body comes wrapped by each layer it passed.
pub(crate) fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NoRoom => Self::NoRoom,
            error => Self::Download(error),
        }
    }
}

impl From<NoRoom> for ApiError {
    fn from(NoRoom: NoRoom) -> Self {
        Self::NoRoom
    }
}

impl From<AnalyzeError> for ApiError {
    fn from(error: AnalyzeError) -> Self {
        match error {
            AnalyzeError::Image(_) => Self::Image(error),
            AnalyzeError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            AnalyzeError::Internal => Self::Internal,
        }
    }
}

/// A handler's panic is a bug, but not the other requests' problem.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the panic layer hands the payload over"
)]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let cause = engine::panic_text(&*panic);
    tracing::error!(cause, "a handler panicked");
    ApiError::Internal.into_response()
}

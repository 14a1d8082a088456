use std::process;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use engine::Timings;
use tracing::field::Empty;
use tracing::{Instrument, Span, info, info_span, warn};
use uuid::Uuid;

use crate::http::connections::CutOff;
use crate::http::error::Refused;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const LONGEST_REQUEST_ID: usize = 128;

/// Gives every request an id, and logs its start and its finish with the time each stage took.
///
/// The stages also go to the client, as `Server-Timing`.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let span = info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        caller = Empty
    );
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    span.in_scope(|| info!(pid = process::id(), %method, path, "request started"));

    let mut watch = Watch {
        span: span.clone(),
        began: Instant::now(),
        method: method.to_string(),
        path,
        cut_off: request.extensions().get::<CutOff>().cloned(),
        done: false,
    };
    let mut response = next.run(request).instrument(span).await;
    let extensions = response.extensions();
    let timings = extensions.get::<Timings>().cloned().unwrap_or_default();
    let refused = extensions.get::<Refused>();
    let reason = refused.map(|it| it.detail.as_str());
    watch.finish(response.status().as_u16(), &timings, reason);

    if let Some(value) = server_timing(&timings) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's own id if it is fit to be logged, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=LONGEST_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        HeaderValue::try_from(Uuid::new_v4().to_string())
            .expect("a UUID is hexadecimal digits and hyphens")
    })
}

fn server_timing(timings: &Timings) -> Option<HeaderValue> {
    let stages = timings
        .iter()
        .map(|(stage, took)| format!("{};dur={}", stage.name(), milliseconds(took)));
    let value = stages.collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(value)
        .ok()
        .filter(|value| !value.is_empty())
}

/// To the microsecond; more digits would only be noise.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Logs the finish, also when the request is dropped half-way: the client goes away, or the server stops.
struct Watch {
    span: Span,
    began: Instant,
    method: String,
    path: String,
    cut_off: Option<CutOff>,
    done: bool,
}

impl Watch {
    fn finish(&mut self, status: u16, timings: &Timings, reason: Option<&str>) {
        self.done = true;
        // A log line's fields are fixed when the program is compiled, and a model is a stage: so they share one.
        let stages = timings
            .iter()
            .map(|(stage, took)| format!("{}={}", stage.name(), milliseconds(took)));
        let stages_ms = stages.collect::<Vec<_>>().join(" ");
        self.span.in_scope(|| {
            info!(
                pid = process::id(),
                method = self.method,
                path = self.path,
                status,
                duration_ms = milliseconds(self.began.elapsed()),
                stages_ms,
                reason,
                "request finished"
            );
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.done {
            let duration_ms = milliseconds(self.began.elapsed());
            let message = if self.cut_off.as_ref().is_some_and(CutOff::is_set) {
                "request cut off: the server is stopping"
            } else {
                "request dropped: the client went away"
            };
            self.span.in_scope(|| {
                warn!(
                    pid = process::id(),
                    method = self.method,
                    path = self.path,
                    duration_ms,
                    "{message}"
                );
            });
        }
    }
}

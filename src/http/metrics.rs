use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::Timings;

use crate::http::AppState;
use crate::http::error::{ApiError, Refused};
use crate::http::last_byte::{Ending, until_last_byte};
use crate::http::refusals::{Access, AnyRoute};
use crate::metrics::{Metrics, Pools};

/// The client went away before its answer was complete (nginx's code).
const CLIENT_CLOSED: u16 = 499;

/// What happens here, in numbers
///
/// In Prometheus's text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "Metrics", content_type = "text/plain", body = String), AnyRoute, Access)
)]
pub(crate) async fn metrics(State(app): State<AppState>) -> Result<Response, ApiError> {
    let pools = Pools {
        encoded: &app.encoded_memory,
        places: (app.in_flight.taken(), app.limits.max_in_flight),
    };
    let text = app.metrics.text(&app.engine, &pools).map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        ApiError::Internal
    })?;
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((content_type, text).into_response())
}

/// Counts a request and its time, until the last byte of its answer is written.
pub(crate) async fn observe(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let route = Metrics::route(path.map(MatchedPath::as_str));
    app.metrics.in_flight.inc();
    let mut observation = Observation {
        metrics: Arc::clone(&app.metrics),
        route,
        began: Instant::now(),
        status: None,
        is_complete: AtomicBool::new(false),
    };
    let response = next.run(request).await;
    observation.status = Some(response.status().as_u16());
    if let Some(timings) = response.extensions().get::<Timings>() {
        app.metrics.stages(timings);
    }
    if let Some(refused) = response.extensions().get::<Refused>() {
        app.metrics.refused(refused.refusal);
    }
    response.map(|body| until_last_byte(body, observation))
}

/// A request that is being answered.
struct Observation {
    metrics: Arc<Metrics>,
    route: &'static str,
    began: Instant,
    /// Once it is known.
    status: Option<u16>,
    is_complete: AtomicBool,
}

impl Ending for Observation {
    fn complete(&self) {
        self.is_complete.store(true, Ordering::Relaxed);
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let complete = self.is_complete.load(Ordering::Relaxed);
        let status = self.status.filter(|_| complete).unwrap_or(CLIENT_CLOSED);
        self.metrics.in_flight.dec();
        self.metrics
            .answered(self.route, status, self.began.elapsed());
    }
}

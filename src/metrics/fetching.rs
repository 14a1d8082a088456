use super::Metrics;
use crate::fetch::FetchError;

/// How a fetch can end.
pub(super) const OUTCOMES: [&str; 13] = [
    "abandoned",
    "answer",
    "coding",
    "connect",
    "empty",
    "invalid_url",
    "memory",
    "not_public",
    "ok",
    "redirects",
    "status",
    "timeout",
    "too_large",
];

/// A fetch that is under way; dropped, it was abandoned.
pub(crate) struct Fetching<'a> {
    metrics: &'a Metrics,
    outcome: &'static str,
}

impl<'a> Fetching<'a> {
    pub(crate) fn begin(metrics: &'a Metrics) -> Self {
        Self {
            metrics,
            outcome: "abandoned",
        }
    }

    /// It has ended, well or with `error`.
    pub(crate) fn end(mut self, error: Option<&FetchError>) {
        self.outcome = error.map_or("ok", outcome);
    }
}

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        let outcome = self.metrics.fetches.with_label_values(&[self.outcome]);
        outcome.inc();
    }
}

fn outcome(error: &FetchError) -> &'static str {
    match error {
        FetchError::InvalidUrl(_)
        | FetchError::UnsupportedScheme { .. }
        | FetchError::NoScheme
        | FetchError::DataUrl => "invalid_url",
        FetchError::NoRoom => "memory",
        FetchError::NotPublic { .. } => "not_public",
        FetchError::Unresolved { .. }
        | FetchError::Connect { .. }
        | FetchError::TlsSetup(_)
        | FetchError::Tls { .. } => "connect",
        FetchError::ConnectTimeout { .. } | FetchError::Timeout { .. } => "timeout",
        FetchError::Protocol { .. } => "answer",
        FetchError::Status(_) => "status",
        FetchError::TooManyRedirects { .. } => "redirects",
        FetchError::Coding(_) => "coding",
        FetchError::TooLarge { .. } => "too_large",
        FetchError::Empty => "empty",
    }
}

use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;
use tokio::time::Instant;

use crate::network::Loaded;

/// After a failed load, the next attempt waits this long: a broken file must not cost a full read on every request.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How far a model is.
#[derive(Clone, Debug)]
pub(super) enum State {
    Empty,
    /// Its files are being downloaded, which may take minutes: requests do not wait for that.
    Fetching,
    /// Its files are being read, which takes seconds: requests wait.
    Loading,
    Ready(Arc<Ready>),
    Failed {
        reason: String,
        /// Not to be tried again before.
        until: Instant,
    },
}

/// A model in memory, and the threads that it runs on.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) loaded: Loaded,
    pub(super) pool: ThreadPool,
}

impl State {
    /// Whether an attempt to load the model may begin.
    pub(super) fn may_begin(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Failed { until, .. } => *until <= Instant::now(),
            Self::Fetching | Self::Loading | Self::Ready(_) => false,
        }
    }
}

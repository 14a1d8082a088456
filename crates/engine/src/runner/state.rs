use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;
use tokio::time::Instant;

use crate::network::Loaded;
use crate::observer::ModelState;

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
    /// Of the files that it was read from.
    pub(super) weights_bytes: u64,
}

impl State {
    /// Its name, and the bytes of its files if it is in memory.
    pub(super) fn summary(&self) -> (ModelState, u64) {
        match self {
            Self::Empty => (ModelState::Empty, 0),
            Self::Fetching => (ModelState::Fetching, 0),
            Self::Loading => (ModelState::Loading, 0),
            Self::Ready(ready) => (ModelState::Ready, ready.weights_bytes),
            Self::Failed { .. } => (ModelState::Failed, 0),
        }
    }

    /// Whether an attempt to load the model may begin.
    pub(super) fn may_begin(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Failed { until, .. } => *until <= Instant::now(),
            Self::Fetching | Self::Loading | Self::Ready(_) => false,
        }
    }
}

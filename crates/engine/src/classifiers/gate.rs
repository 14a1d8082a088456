//! One look at a file at a time, however many wait for it, and nobody waits for ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout_at;

/// How long a look may take before those who wait for it take what is known.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Lets one look at a file through at a time, on one of tokio's blocking threads, which a disk that hangs keeps.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// When the look that held it last began.
    turn: Arc<tokio::sync::Mutex<Option<Instant>>>,
    under_way: Arc<Mutex<Option<Instant>>>,
}

/// What came of waiting for a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// One that began after the call is over.
    Now,
    /// It takes too long, and goes on.
    Overdue,
}

impl Gate {
    /// Looks, or waits for another's look that began after this call: what was on disk when it was called is known then. Gives
    /// up at `deadline`, and at once where a look, or its wait for a reader, has gone on for longer than [`PATIENCE`]. One of `readers`
    /// is taken as long as the look takes, whether anybody still waits or not.
    pub(super) async fn pass(
        &self,
        readers: &Arc<Semaphore>,
        deadline: Instant,
        look: impl FnOnce() + Send + 'static,
    ) -> Result<Looked, JoinError> {
        let called = Instant::now();
        let overdue_at = self.under_way().map(|began| began + PATIENCE);
        let deadline = overdue_at.map_or(deadline, |overdue_at| overdue_at.min(deadline));
        let looking = async {
            let mut turn = Arc::clone(&self.turn).lock_owned().await;
            if turn.is_some_and(|began| began >= called) {
                return Ok(Looked::Now);
            }
            let under_way = UnderWay::new(&self.under_way);
            let (readers, span) = (Arc::clone(readers), tracing::Span::current());
            // On its own, so that it comes to its end though nobody waits any more.
            let work = tokio::spawn(async move {
                // Never closed.
                let reader = readers.acquire_owned().await;
                let reading = spawn_blocking(move || {
                    *turn = Some(Instant::now());
                    span.in_scope(look);
                    drop((under_way, reader, turn));
                });
                reading.await
            });
            work.await?.map(|()| Looked::Now)
        };
        let waited = timeout_at(deadline.into(), looking).await;
        waited.unwrap_or(Ok(Looked::Overdue))
    }

    /// Since when a look is under way, or waits for a reader.
    fn under_way(&self) -> Option<Instant> {
        *self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a look is under way, until it is dropped.
struct UnderWay(Arc<Mutex<Option<Instant>>>);

impl UnderWay {
    fn new(place: &Arc<Mutex<Option<Instant>>>) -> Self {
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Self(Arc::clone(place))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

//! Threads that compute: a pool for each model, and one for pixels.
//!
//! The operating system shares the cores among the pools. It does so a few milliseconds at a time, wherever a model is, and it
//! fills one model's serial stretches with another's work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::oneshot;
use tracing::Span;

use crate::model::Model;
use crate::panic_text;

/// Threads for one model.
pub(crate) fn of_model(model: Model, threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |index| format!("{model} {index}"))
        .build()
}

/// Threads for pixels: decoding, cutting, resizing, PNG. They take what comes in its order, each on one thread.
#[derive(Debug)]
pub(crate) struct PixelThreads(ThreadPool);

/// A piece of work panicked. The log has the cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panicked;

impl PixelThreads {
    pub(crate) fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("pixels {index}"))
            .build()?;
        Ok(Self(pool))
    }

    /// What `work` gives, and the time that it took. It is not begun if the future is dropped before its turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Duration), Panicked> {
        let (done, result) = oneshot::channel();
        let span = Span::current();
        self.0.spawn_fifo(move || {
            if done.is_closed() {
                return;
            }
            let _entered = span.enter();
            let began = Instant::now();
            let worked = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
                let cause = panic_text(&*panic);
                tracing::error!(cause, "a computation panicked");
                Panicked
            });
            // Whoever waited may have gone meanwhile.
            let _ = done.send(worked.map(|value| (value, began.elapsed())));
        });
        result.await.unwrap_or(Err(Panicked))
    }
}

//! Threads that compute: a pool for each model, and some for pixels.
//!
//! The operating system shares the cores among the pools, so that one model's serial stretches are filled with another's work;
//! but models that take long stand aside for those that do not ([`Turns`]).

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use std::{io, thread};

use imaging::Workers;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::oneshot;
use tracing::Span;

use crate::model::Model;
use crate::panic_text;
use crate::turns::Turns;

/// Threads for one model.
pub(crate) fn of_model(
    model: Model,
    threads: usize,
    turns: &Arc<Turns>,
) -> Result<ThreadPool, ThreadPoolBuildError> {
    let turns = Arc::clone(turns);
    builder(threads)
        .thread_name(move |index| format!("{model} {index}"))
        .start_handler(move |_| {
            if model.is_long() {
                turns.rule_this_thread();
            }
        })
        .build()
}

/// All that is done on the threads is guarded; should anything panic all the same, the process goes on.
fn builder(threads: usize) -> ThreadPoolBuilder {
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    builder.panic_handler(|panic| {
        let cause = panic_text(&*panic);
        tracing::error!(cause, "a thread panicked");
    })
}

/// Threads for pixels: decoding, cutting, resizing, PNG. They take what comes in its order; large pictures get help from those
/// cores that are idle.
#[derive(Debug)]
pub(crate) struct PixelThreads(mpsc::Sender<Job>);

type Job = Box<dyn FnOnce() + Send>;

/// A piece of work panicked. The log has the cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panicked;

impl PixelThreads {
    /// Starts `threads` threads, which end when this is dropped and what they have begun is done.
    pub(crate) fn new(threads: NonZeroUsize) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let workers = Workers::new(threads).map_err(io::Error::other)?;
        for index in 0..threads.get() {
            let (jobs, workers) = (Arc::clone(&jobs), Arc::clone(&workers));
            let work = move || {
                workers.help_this_thread();
                let next = || {
                    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
                    jobs.recv()
                };
                while let Ok(job) = next() {
                    job();
                }
            };
            thread::Builder::new()
                .name(format!("pixels {index}"))
                .spawn(work)?;
        }
        Ok(Self(queue))
    }

    /// What `work` gives, and the time that it took. It is not begun if the future is dropped before its turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Duration), Panicked> {
        let (done, result) = oneshot::channel();
        let span = Span::current();
        let job = Box::new(move || {
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
        // As long as there is a sender, the threads wait for work; a job that nobody took drops its channel.
        let _ = self.0.send(job);
        result.await.unwrap_or(Err(Panicked))
    }
}

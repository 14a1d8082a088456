//! Threads that help with large pictures.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{Scope, ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads that help those who decode, resize and encode large pictures.
///
/// A thread is helped once it has called [`Workers::help_this_thread`], which must not be a thread of a rayon pool: while such
/// a one waits for its helpers, rayon lets it begin other work. The results are the same with any number of threads.
#[derive(Debug)]
pub struct Workers {
    threads: NonZeroUsize,
    helpers: ThreadPool,
    /// Threads that are being helped now.
    helped: AtomicUsize,
}

thread_local! {
    static WORKERS: RefCell<Option<Arc<Workers>>> = const { RefCell::new(None) };
}

impl Workers {
    /// Lets one picture have up to `threads` threads, the one that asks for it among them.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(threads: NonZeroUsize) -> Result<Arc<Self>, ThreadPoolBuildError> {
        let helpers = ThreadPoolBuilder::new()
            // Zero would mean as many as there are cores.
            .num_threads(threads.get().saturating_sub(1).max(1))
            .thread_name(|index| format!("pixel helper {index}"))
            .build()?;
        Ok(Arc::new(Self {
            threads,
            helpers,
            helped: AtomicUsize::new(0),
        }))
    }

    /// From now on, helps the calling thread with what this crate does on it.
    pub fn help_this_thread(self: &Arc<Self>) {
        WORKERS.set(Some(Arc::clone(self)));
    }
}

/// Helpers for the calling thread, while `work` runs; all that they were given is done when this returns.
/// A panic in a helper goes on here.
pub(crate) fn with_helpers<'scope, T>(work: impl FnOnce(&Helpers<'_, 'scope>) -> T) -> T {
    let workers = WORKERS.with_borrow(Clone::clone);
    let Some(workers) = workers.filter(|workers| workers.threads.get() > 1) else {
        return work(&Helpers(None));
    };
    // The cores are shared among all who are at work.
    let others = workers.helped.fetch_add(1, Ordering::Relaxed);
    let _left = Left(&workers.helped);
    match workers.threads.get().saturating_sub(others + 1) {
        0 => work(&Helpers(None)),
        count => workers
            .helpers
            .in_place_scope(|scope| work(&Helpers(Some((scope, count))))),
    }
}

/// One that was helped no longer is.
struct Left<'a>(&'a AtomicUsize);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The threads that help just now.
pub(crate) struct Helpers<'a, 'scope>(Option<(&'a Scope<'scope>, usize)>);

impl<'scope> Helpers<'_, 'scope> {
    /// Nobody helps.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// How many there are; none where the picture's own thread does everything.
    pub(crate) fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, count)| *count)
    }

    /// Has a helper do `work`; without any, it is done here and now.
    pub(crate) fn spawn(&self, work: impl FnOnce() + Send + 'scope) {
        match &self.0 {
            Some((scope, _)) => scope.spawn(|_| work()),
            None => work(),
        }
    }
}

/// Does `work` for each of `pieces`, here and on the helpers. The pieces are begun in their order.
pub(crate) fn for_each<P: Send>(
    pieces: impl ExactSizeIterator<Item = P> + Send,
    work: impl Fn(P) + Sync,
) {
    if pieces.len() < 2 {
        return pieces.for_each(work);
    }
    let pieces = Mutex::new(pieces);
    let take = || {
        let mut pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.next()
    };
    let run = || {
        while let Some(piece) = take() {
            work(piece);
        }
    };
    with_helpers(|helpers| {
        for _ in 0..helpers.count() {
            helpers.spawn(run);
        }
        run();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// Runs `work` on a thread that gets help.
    fn helped(workers: &Arc<Workers>, work: impl FnOnce() + Send) {
        thread::scope(|scope| {
            scope.spawn(|| {
                workers.help_this_thread();
                work();
            });
        });
    }

    fn workers(threads: usize) -> Arc<Workers> {
        Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    #[test]
    fn each_piece_is_done_once() {
        for threads in [1, 2, 3, 8] {
            let mut pieces = vec![0; 1000];
            helped(&workers(threads), || {
                for_each(pieces.iter_mut().enumerate(), |(at, piece)| *piece += at);
            });
            assert!(pieces.iter().copied().eq(0..1000), "{threads}");
        }
    }

    #[test]
    fn pieces_are_done_at_the_same_time() {
        let both = Barrier::new(2);
        // Each piece waits for the other.
        helped(&workers(2), || {
            for_each(0..2, |_| {
                both.wait();
            });
        });
    }

    #[test]
    fn who_comes_while_all_cores_are_busy_helps_itself() {
        let workers = workers(2);
        helped(&workers, || {
            with_helpers(|helpers| {
                assert_eq!(helpers.count(), 1);
                helped(&workers, || {
                    with_helpers(|more| assert_eq!(more.count(), 0))
                });
            });
            with_helpers(|helpers| assert_eq!(helpers.count(), 1));
        });
        with_helpers(|helpers| assert_eq!(helpers.count(), 0, "nobody helps this thread"));
    }

    #[test]
    fn a_helper_that_panics_is_heard() {
        let workers = workers(2);
        let heard = thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                workers.help_this_thread();
                for_each(0..2, |piece| assert_eq!(piece, 7, "expected to panic"));
            });
            panicking.join().is_err()
        });
        assert!(heard);
        // The helpers go on.
        helped(&workers, || for_each(0..9, |_| ()));
        assert_eq!(workers.helped.load(Ordering::Relaxed), 0);
    }
}

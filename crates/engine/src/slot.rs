use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::panic_text;

/// After a failed load, the next attempt waits this long: a broken file must not cost a full read on every request.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Room for one model: loaded once, by whoever comes first, shared by all who come later.
///
/// A failure is kept for a few seconds and then tried again, so weights that arrive while the server runs are found.
pub(crate) struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

/// What a slot holds, for those who only want to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    Empty,
    Fetching,
    Loading,
    Ready,
    Failed(String),
}

enum State<T> {
    Empty,
    Fetching,
    Loading,
    Ready(Arc<T>),
    Failed { reason: String, at: Instant },
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::Empty),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn glance(&self) -> Glance {
        match &*self.lock() {
            State::Empty => Glance::Empty,
            State::Fetching => Glance::Fetching,
            State::Loading => Glance::Loading,
            State::Ready(_) => Glance::Ready,
            State::Failed { reason, .. } => Glance::Failed(reason.clone()),
        }
    }

    /// The model, if it is in memory.
    pub(crate) fn ready(&self) -> Option<Arc<T>> {
        match &*self.lock() {
            State::Ready(model) => Some(Arc::clone(model)),
            _ => None,
        }
    }

    /// The model, loading it if need be. Blocks while another thread loads it, but not while one downloads it.
    pub(crate) fn get(&self, load: impl FnOnce() -> Result<T, String>) -> Result<Arc<T>, String> {
        let mut state = self.lock();
        loop {
            match &*state {
                State::Ready(model) => return Ok(Arc::clone(model)),
                State::Fetching => return Err("its weights are being downloaded".to_owned()),
                State::Failed { reason, at } if at.elapsed() < RETRY_AFTER => {
                    return Err(reason.clone());
                }
                State::Empty | State::Failed { .. } => break,
                State::Loading => {
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        *state = State::Loading;
        drop(state);
        self.settle(load)
    }

    /// Fetches what the model is made of, then loads it; does nothing if that is done or under way.
    pub(crate) fn fetch_and_get(
        &self,
        fetch: impl FnOnce() -> Result<(), String>,
        load: impl FnOnce() -> Result<T, String>,
    ) -> Result<Arc<T>, String> {
        {
            let mut state = self.lock();
            if !matches!(*state, State::Empty | State::Failed { .. }) {
                drop(state);
                return self.get(load);
            }
            *state = State::Fetching;
        }
        // A download that failed says nothing of files that arrive by another way: the slot is as empty as before.
        if let Err(reason) = caught(fetch) {
            *self.lock() = State::Empty;
            return Err(reason);
        }
        *self.lock() = State::Loading;
        self.settle(load)
    }

    /// Runs `work` without the lock and records how it ended, even if it panics.
    fn settle(&self, work: impl FnOnce() -> Result<T, String>) -> Result<Arc<T>, String> {
        let outcome = caught(work).map(Arc::new);
        *self.lock() = match &outcome {
            Ok(model) => State::Ready(Arc::clone(model)),
            Err(reason) => State::Failed {
                reason: reason.clone(),
                at: Instant::now(),
            },
        };
        self.changed.notify_all();
        outcome
    }

    /// A panic while the lock is held cannot leave a half-made state behind, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic is a failure like any other, and must not leave the slot waiting for ever.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(format!("loading panicked: {}", panic_text(&*panic))))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn many_threads_load_once() {
        let (slot, loads) = (Slot::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let model = slot.get(|| {
                        loads.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(20));
                        Ok(7)
                    });
                    assert_eq!(*model.unwrap(), 7);
                });
            }
        });
        assert_eq!(loads.into_inner(), 1);
    }

    #[test]
    fn a_failure_is_remembered_for_a_while_and_a_panic_is_a_failure() {
        let slot = Slot::<i32>::new();
        assert_eq!(
            slot.get(|| panic!("boom")).unwrap_err(),
            "loading panicked: boom"
        );
        assert_eq!(slot.get(|| Ok(1)).unwrap_err(), "loading panicked: boom");
        assert_eq!(
            slot.glance(),
            Glance::Failed("loading panicked: boom".into())
        );
    }

    #[test]
    fn fetching_again_after_a_failure_is_allowed_at_once() {
        let slot = Slot::<i32>::new();
        assert!(
            slot.fetch_and_get(|| Err("no network".into()), || Ok(1))
                .is_err()
        );
        assert_eq!(*slot.fetch_and_get(|| Ok(()), || Ok(2)).unwrap(), 2);
        assert_eq!(*slot.get(|| Ok(3)).unwrap(), 2);
    }

    #[test]
    fn files_that_arrive_after_a_failed_download_are_loaded_at_once() {
        let slot = Slot::<i32>::new();
        assert!(
            slot.fetch_and_get(|| Err("no network".into()), || Ok(1))
                .is_err()
        );
        assert_eq!(slot.glance(), Glance::Empty);
        assert_eq!(*slot.get(|| Ok(2)).unwrap(), 2);
    }

    #[test]
    fn a_download_does_not_hold_up_requests() {
        let slot = Slot::<i32>::new();
        slot.fetch_and_get(
            || {
                assert_eq!(
                    slot.get(|| Ok(1)).unwrap_err(),
                    "its weights are being downloaded"
                );
                Ok(())
            },
            || Ok(2),
        )
        .unwrap();
    }
}

//! Short work goes first: while a model that takes little time for an input is at work, those that take long stand aside.
//!
//! They do so at the next task of a loop, a millisecond or so later, and go on as soon as the short one is done. Half of the time that
//! short work took is owed to them: while a long model is at work, a short one waits that long before it begins its next batch.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the long models get of the machine at least: this part of the time that the short ones take.
const SHARE: f64 = 0.5;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Short models at work; what `state` has, to be looked at without the lock.
    short: AtomicUsize,
    /// Long models at work.
    long: AtomicUsize,
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    short: usize,
    /// When the long models last stood aside or went on.
    since: Option<Instant>,
    /// Time that the long ones are owed.
    owed: Duration,
}

/// A model at work.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    is_long: bool,
}

thread_local! {
    static OF_LONG_MODEL: RefCell<Option<Arc<Turns>>> = const { RefCell::new(None) };
}

impl Turns {
    /// Has this thread stand aside for short work, from now on.
    pub(crate) fn rule_this_thread(self: &Arc<Self>) {
        OF_LONG_MODEL.set(Some(Arc::clone(self)));
        models::at_every_task(|| {
            OF_LONG_MODEL.with_borrow(|turns| {
                if let Some(turns) = turns {
                    turns.stand_aside();
                }
            });
        });
    }

    /// Begins a model's work. A short model waits as long as the long ones are owed.
    pub(crate) fn begin(&self, is_long: bool) -> Turn<'_> {
        if is_long {
            self.long.fetch_add(1, Ordering::Relaxed);
        } else {
            self.begin_short();
        }
        Turn {
            turns: self,
            is_long,
        }
    }

    /// Models at work.
    pub(crate) fn at_work(&self) -> usize {
        self.short.load(Ordering::Relaxed) + self.long.load(Ordering::Relaxed)
    }

    fn begin_short(&self) {
        loop {
            let mut state = self.lock();
            if state.short == 0 {
                let gone = state.since.map_or(Duration::MAX, |since| since.elapsed());
                state.since = Some(Instant::now());
                state.owed = state.owed.saturating_sub(gone);
                if self.long.load(Ordering::Relaxed) == 0 {
                    state.owed = Duration::ZERO;
                }
            }
            if state.owed.is_zero() {
                state.short += 1;
                self.short.store(state.short, Ordering::Relaxed);
                return;
            }
            let owed = state.owed;
            drop(state);
            std::thread::sleep(owed);
        }
    }

    fn end_short(&self) {
        let mut state = self.lock();
        state.short -= 1;
        self.short.store(state.short, Ordering::Relaxed);
        if state.short == 0 {
            let taken = state.since.map_or(Duration::ZERO, |since| since.elapsed());
            state.owed += taken.mul_f64(SHARE);
            state.since = Some(Instant::now());
            drop(state);
            self.over.notify_all();
        }
    }

    /// Returns once no short model is at work.
    fn stand_aside(&self) {
        if self.short.load(Ordering::Relaxed) == 0 {
            return;
        }
        let state = self.lock();
        let waited = self.over.wait_while(state, |state| state.short > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_long {
            self.turns.long.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.turns.end_short();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn a_long_model_stands_aside_while_a_short_one_works() {
        let turns = Turns::default();
        let gone_on = AtomicBool::new(false);
        let _long = turns.begin(true);
        let short = turns.begin(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                turns.stand_aside();
                gone_on.store(true, Ordering::SeqCst);
            });
            thread::sleep(Duration::from_millis(20));
            assert!(!gone_on.load(Ordering::SeqCst));
            drop(short);
        });
        assert!(gone_on.load(Ordering::SeqCst));
        turns.stand_aside();
    }

    #[test]
    fn a_short_model_that_kept_long_ones_waiting_waits_in_its_turn() {
        let turns = Turns::default();
        let work = |time| {
            let _turn = turns.begin(false);
            thread::sleep(time);
        };
        let time = Duration::from_millis(40);
        let began = Instant::now();
        work(time);
        work(Duration::ZERO);
        assert!(
            began.elapsed() < time.mul_f64(1.0 + SHARE),
            "nobody was kept waiting"
        );

        let _long = turns.begin(true);
        work(time);
        let began = Instant::now();
        work(Duration::ZERO);
        let waited = began.elapsed();
        assert!(waited >= time.mul_f64(SHARE).mul_f64(0.9), "{waited:?}");
        thread::sleep(time);
        let began = Instant::now();
        work(Duration::ZERO);
        assert!(
            began.elapsed() < time.mul_f64(SHARE),
            "they have had their time"
        );
    }
}

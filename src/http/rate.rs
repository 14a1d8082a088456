use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::http::keys::Caller;

const MINUTE: Duration = Duration::from_secs(60);

/// How many requests a caller may send: a bucket of tokens each (`N` at most, and `N` new ones a minute), of which a request takes
/// one.
#[derive(Debug)]
pub(crate) struct Rate {
    per_minute: NonZeroU32,
    /// When each caller's bucket will be full. There are no more entries than callers that were known since the start.
    full_at: Mutex<HashMap<Caller, Instant>>,
}

impl Rate {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self {
            per_minute,
            full_at: Mutex::default(),
        }
    }

    pub(crate) fn per_minute(&self) -> NonZeroU32 {
        self.per_minute
    }

    /// Takes a token of `caller` at `now`, or says when there will be one.
    pub(crate) fn take(&self, caller: &Caller, now: Instant) -> Result<(), Duration> {
        let token = MINUTE / self.per_minute.get();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = full_at.entry(caller.clone()).or_insert(now);
        let after = (*full_at).max(now) + token;
        // What it takes to fill an empty bucket.
        let most = token * self.per_minute.get();
        match after.saturating_duration_since(now + most) {
            Duration::ZERO => {
                *full_at = after;
                Ok(())
            }
            wait => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_its_tokens_at_once_and_then_one_at_a_time() {
        let rate = Rate::new(NonZeroU32::new(60).unwrap());
        let (ann, bob) = (Caller::named("ann"), Caller::named("bob"));
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for _ in 0..60 {
            rate.take(&ann, now).unwrap();
        }
        assert_eq!(rate.take(&ann, now), Err(second));
        rate.take(&bob, now).unwrap();
        assert_eq!(rate.take(&ann, now + second / 2), Err(second / 2));
        rate.take(&ann, now + second).unwrap();
        rate.take(&ann, now + second).unwrap_err();
        let later = now + 10 * MINUTE;
        let taken = (0..99).take_while(|_| rate.take(&ann, later).is_ok());
        assert_eq!(taken.count(), 60, "no more than a bucket holds");
    }
}

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::keys::Caller;
use crate::http::last_byte::Ending;

/// Of this many places, one is kept for callers that have not had their share.
const KEPT_OF: usize = 8;

/// Places for requests that are worked on, shared among callers.
///
/// One caller may have nearly all places while nobody else comes. The last eighth goes only to who has less than an equal share. So
/// whoever comes finds a place, and as it takes more, the others get no new ones until all have what is theirs.
#[derive(Debug)]
pub(crate) struct Shares {
    places: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_caller: HashMap<Caller, usize>,
}

/// A request's place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shares: Arc<Shares>,
    caller: Option<Caller>,
}

/// Why there is no place for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All are taken.
    Full,
    /// The caller has so many, and the few that are left are for others.
    Share(usize),
}

impl Shares {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places,
            taken: Mutex::default(),
        }
    }

    /// Places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().all
    }

    /// A place for a request of `caller`, one of so many `callers`.
    pub(crate) fn take(
        self: &Arc<Self>,
        caller: Option<&Caller>,
        callers: usize,
    ) -> Result<Place, NoPlace> {
        let mut taken = self.lock();
        let free = self.places.saturating_sub(taken.all);
        if free == 0 {
            return Err(NoPlace::Full);
        }
        if let Some(caller) = caller {
            let own = taken.by_caller.get(caller).copied().unwrap_or_default();
            let share = self.places.div_ceil(callers.max(1));
            if own >= share && free <= (self.places / KEPT_OF).max(1) {
                return Err(NoPlace::Share(own));
            }
            taken.by_caller.insert(caller.clone(), own + 1);
        }
        taken.all += 1;
        Ok(Place {
            shares: Arc::clone(self),
            caller: caller.cloned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ending for Place {}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all -= 1;
        let Some(caller) = &self.caller else {
            return;
        };
        if let Some(own) = taken.by_caller.get_mut(caller) {
            *own -= 1;
            if *own == 0 {
                taken.by_caller.remove(caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_comes_finds_places_and_the_other_shrinks_to_its_share() {
        let shares = Arc::new(Shares::new(16));
        let (ann, bob) = (Caller::named("ann"), Caller::named("bob"));
        let take = |caller: &Caller| shares.take(Some(caller), 2);
        let mut anns: Vec<_> = std::iter::from_fn(|| take(&ann).ok()).collect();
        assert_eq!(anns.len(), 14);
        assert_eq!(take(&ann).unwrap_err(), NoPlace::Share(14));
        let mut bobs = vec![take(&bob).unwrap(), take(&bob).unwrap()];
        assert_eq!(take(&bob).unwrap_err(), NoPlace::Full);
        while let Some(ended) = anns.pop() {
            drop(ended);
            if anns.len() < 8 {
                break;
            }
            assert_eq!(take(&ann).unwrap_err(), NoPlace::Share(anns.len()));
            bobs.push(take(&bob).unwrap());
        }
        assert_eq!((anns.len(), bobs.len()), (7, 8));
        anns.push(take(&ann).unwrap());
        drop((anns, bobs));
        assert_eq!(shares.taken(), 0);
        assert!(shares.lock().by_caller.is_empty());
    }

    #[test]
    fn who_is_alone_has_all_places() {
        let shares = Arc::new(Shares::new(2));
        let ann = Caller::named("ann");
        let places = [shares.take(Some(&ann), 1), shares.take(Some(&ann), 1)];
        assert!(places.iter().all(Result::is_ok));
        assert_eq!(shares.take(None, 1).unwrap_err(), NoPlace::Full);
        drop(places);
        let nobody = [shares.take(None, 0), shares.take(None, 0)];
        assert!(nobody.iter().all(Result::is_ok));
    }
}

//! Name look-ups block a thread each, and a slow name server can make each of them take half a
//! minute. So only so many run at a time: the threads are those that the rest of the service blocks
//! on, too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

#[cfg(test)]
mod tests;

/// What a look-up gives; shared, as several requests may wait for one.
type Found = Arc<io::Result<Vec<IpAddr>>>;
type Waiting = watch::Receiver<Option<Found>>;
/// Looks a name up, and blocks meanwhile.
type BlockingLookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Look-ups of names, at most so many at a time, and of one name one at a time.
pub(super) struct Lookups {
    look_up: Arc<BlockingLookup>,
    room: Arc<Semaphore>,
    under_way: Arc<UnderWay>,
}

#[derive(Default)]
struct UnderWay(Mutex<HashMap<String, Waiting>>);

impl Lookups {
    pub(super) fn new(
        most_at_a_time: usize,
        look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            look_up: Arc::new(look_up),
            room: Arc::new(Semaphore::new(most_at_a_time)),
            under_way: Arc::default(),
        }
    }

    /// The name's addresses. Whoever stops waiting leaves the queue, but a look-up that has begun
    /// goes on, and counts as long as it does: nothing can stop it.
    pub(super) async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let under_way = self.under_way.all().get(host).cloned();
        let mut waiting = match under_way {
            Some(waiting) => waiting,
            None => {
                let permit = Arc::clone(&self.room).acquire_owned().await;
                self.begin(host, permit.map_err(io::Error::other)?)
            }
        };
        let found = waiting.wait_for(Option::is_some).await;
        let found = found.map_err(|_panicked| io::Error::other("the look-up came to no end"))?;
        match found.as_deref() {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Err(io::Error::other("the look-up has no result")),
        }
    }

    /// Begins to look the name up, unless somebody else has begun while this request waited.
    fn begin(&self, host: &str, permit: OwnedSemaphorePermit) -> Waiting {
        let (tell, waiting) = watch::channel(None);
        match self.under_way.all().entry(host.to_owned()) {
            Entry::Occupied(begun) => return begun.get().clone(),
            Entry::Vacant(place) => place.insert(waiting.clone()),
        };
        let look_up = Arc::clone(&self.look_up);
        let mut ending = Ending {
            host: host.to_owned(),
            under_way: Arc::clone(&self.under_way),
            permit: Some(permit),
        };
        tokio::task::spawn_blocking(move || {
            let found = look_up(&ending.host);
            ending.end();
            tell.send_replace(Some(Arc::new(found)));
        });
        waiting
    }
}

impl UnderWay {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        // Nothing that panics is done under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for the next look-up, and for the next of this name, also if this one panics.
struct Ending {
    host: String,
    under_way: Arc<UnderWay>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Ending {
    fn end(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.under_way.all().remove(&self.host);
            drop(permit);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.end();
    }
}

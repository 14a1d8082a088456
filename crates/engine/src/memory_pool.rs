use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that many share; whoever wants some waits until they are free, first come first served. Counted in kibibytes.
#[derive(Clone, Debug)]
pub struct MemoryPool {
    free: Arc<Semaphore>,
    kib: u32,
}

/// A share of a [`MemoryPool`], given back when it is dropped.
#[derive(Debug)]
pub struct MemoryShare(OwnedSemaphorePermit);

impl MemoryPool {
    /// A pool of `bytes`, all of them free.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let kib = kib(bytes).clamp(1, u32::MAX >> 3);
        Self {
            free: Arc::new(Semaphore::new(kib as usize)),
            kib,
        }
    }

    /// A share of `bytes`, once so many are free. Who wants more than there are gets all.
    pub async fn share(&self, bytes: u64) -> MemoryShare {
        let wanted = kib(bytes).min(self.kib);
        let permit = Arc::clone(&self.free).acquire_many_owned(wanted).await;
        MemoryShare(permit.expect("a pool is never closed"))
    }

    /// All bytes, had or not.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.kib) * 1024
    }

    /// Bytes that nobody has.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.free.available_permits() as u64 * 1024
    }
}

impl MemoryShare {
    /// Gives back what is beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.0.num_permits().saturating_sub(kib(bytes) as usize);
        drop(self.0.split(surplus));
    }

    /// Adds `more`, of the same pool.
    pub fn merge(&mut self, more: Self) {
        self.0.merge(more.0);
    }
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shares_wait_for_one_another_and_the_largest_is_the_pool() {
        let pool = MemoryPool::new(10 << 10);
        let mut all = pool.share(u64::MAX).await;
        assert_eq!(pool.free(), 0);
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.share(3000).await }
        });
        all.shrink_to(7 << 10);
        let small = waiting.await.unwrap();
        assert_eq!(pool.free(), 0);
        all.merge(small);
        drop(all);
        assert_eq!(pool.free(), 10 << 10);
    }
}

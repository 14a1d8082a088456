//! Bytes of an encoded image that are held for a request, counted as they arrive.

use std::time::Duration;

use engine::{MemoryPool, MemoryShare};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// What is added at a time.
const STEP: u64 = 256 << 10;
/// How long a request waits for others to end. Two that wait for one another would do so for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a request holds, out of what all requests together may.
#[derive(Debug)]
pub struct Held {
    /// None if nobody counts.
    pool: Option<MemoryPool>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    bytes: u64,
    share: Option<MemoryShare>,
}

/// There is no room for more.
#[derive(Debug)]
pub struct NoRoom;

impl Held {
    /// Nothing yet, out of `pool`.
    #[must_use]
    pub fn of(pool: &MemoryPool) -> Self {
        Self {
            pool: Some(pool.clone()),
            counted: Mutex::default(),
        }
    }

    /// Nothing, and nobody counts: for whoever reads one image at a time.
    #[must_use]
    pub fn uncounted() -> Self {
        Self {
            pool: None,
            counted: Mutex::default(),
        }
    }

    /// Makes room for `bytes` in all. Waits a while for other requests to end.
    ///
    /// # Errors
    /// [`NoRoom`] if they do not.
    pub async fn grow_to(&self, bytes: u64) -> Result<(), NoRoom> {
        let Some(pool) = &self.pool else {
            return Ok(());
        };
        let mut counted = self.counted.lock().await;
        // One that holds all there is waits for nobody.
        if bytes <= counted.bytes || counted.bytes >= pool.bytes() {
            return Ok(());
        }
        let more = (bytes - counted.bytes)
            .max(STEP)
            .min(pool.bytes() - counted.bytes);
        let share = timeout(PATIENCE, pool.share(more)).await;
        let share = share.map_err(|_elapsed| NoRoom)?;
        counted.bytes += more;
        match &mut counted.share {
            Some(all) => all.merge(share),
            none => *none = Some(share),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_hold_no_more_than_the_pool_and_one_that_finds_no_room_is_told_so() {
        let pool = MemoryPool::new(1 << 20);
        let (one, other) = (Held::of(&pool), Held::of(&pool));
        one.grow_to(1).await.unwrap();
        assert_eq!(pool.free(), (1 << 20) - STEP);
        one.grow_to(900 << 10).await.unwrap();
        assert!(other.grow_to(STEP).await.is_err());
        drop(one);
        other.grow_to(STEP).await.unwrap();
        other.grow_to(9 << 20).await.unwrap();
        other.grow_to(10 << 20).await.unwrap();
        assert_eq!(pool.free(), 0, "one larger than all has all");
        drop(other);
        assert_eq!(pool.free(), 1 << 20);
        Held::uncounted().grow_to(u64::MAX).await.unwrap();
    }
}

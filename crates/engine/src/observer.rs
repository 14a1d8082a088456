//! What an engine tells of itself: [`Observer`] hears of what happens, [`EngineStatus`] is how things are now.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::memory_pool::MemoryPool;
use crate::model::Model;

/// Hears of what an engine does. Called by threads that compute and by async ones, so it must not block.
pub trait Observer: Debug + Send + Sync {
    /// An input waited so long for its model to be in memory and for its turn.
    fn waited(&self, model: Model, time: Duration);
    /// So many inputs went through a model together.
    fn ran(&self, model: Model, inputs: u64, time: Duration);
    /// An image was looked for among those that are known.
    fn looked_up(&self, lookup: Lookup);
}

/// What was known of a request's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Results of an earlier request are kept.
    Kept,
    /// Another request about it is being worked on.
    Shared,
    /// Nothing.
    Unknown,
}

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// Not in memory.
    Empty,
    /// Its files are being downloaded.
    Fetching,
    /// Its files are being read.
    Loading,
    /// In memory.
    Ready,
    /// It could not be brought into memory.
    Failed,
}

/// How a model is.
#[derive(Clone, Copy, Debug)]
pub struct ModelStatus {
    /// Where it is.
    pub state: ModelState,
    /// Inputs that wait for it.
    pub queued: usize,
    /// Bytes of the weights files that the model in memory was read from; 0 if it is not in memory.
    pub weights_bytes: u64,
}

/// Memory that many share.
#[derive(Clone, Copy, Debug)]
pub struct PoolStatus {
    /// Its name.
    pub name: &'static str,
    /// All of it.
    pub bytes: u64,
    /// What is had of it.
    pub used: u64,
}

/// How an engine is.
#[derive(Clone, Debug)]
pub struct EngineStatus {
    /// Each model that it serves.
    pub models: Vec<(Model, ModelStatus)>,
    /// The memory that requests share.
    pub pools: Vec<PoolStatus>,
    /// Bytes of results that are kept for later requests.
    pub kept_bytes: u64,
}

impl Lookup {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Kept, Self::Shared, Self::Unknown];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Shared => "shared",
            Self::Unknown => "miss",
        }
    }
}

impl ModelState {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Empty,
        Self::Fetching,
        Self::Loading,
        Self::Ready,
        Self::Failed,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Fetching => "fetching",
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

impl PoolStatus {
    /// How `pool`, which is called `name`, is now.
    #[must_use]
    pub fn of(name: &'static str, pool: &MemoryPool) -> Self {
        Self {
            name,
            bytes: pool.bytes(),
            used: pool.bytes().saturating_sub(pool.free()),
        }
    }
}

/// The observer, once there is one. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed(Arc<OnceLock<Arc<dyn Observer>>>);

impl Observed {
    /// The first observer stays.
    pub(crate) fn set(&self, observer: Arc<dyn Observer>) {
        let _ = self.0.set(observer);
    }

    pub(crate) fn tell(&self, tell: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = self.0.get() {
            tell(&**observer);
        }
    }
}

//! What has been computed of one image, for all requests that are about it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use imaging::{ExifOrientation, RgbImage};
use models::Pixels;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::engine::AnalyzeError;
use crate::memory_pool::MemoryShare;
use crate::observer::Lookup;
use crate::plan::{Crop, Describe, Detect, Embed, Failure, Outcome, Prepare};
use crate::result::{CropImage, Detection};

/// What makes two requests be about the same pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ImageKey {
    /// SHA-256 of the encoded image.
    digest: [u8; 32],
    orientation: ExifOrientation,
}

/// The images that are being worked on, and results of images that were.
#[derive(Debug)]
pub(crate) struct ImageWorks {
    under_way: Mutex<HashMap<ImageKey, Weak<ImageWork>>>,
    /// None if nothing is to be kept.
    kept: Option<Cache<ImageKey, Arc<Results>, Bytes>>,
}

/// What requests about the same image share. Two that are there at the same time compute each node once.
#[derive(Debug)]
pub(crate) struct ImageWork {
    key: ImageKey,
    pub(crate) image: OnceCell<Result<Arc<Decoded>, AnalyzeError>>,
    pub(crate) crops: Memo<Crop, Arc<Cropped>>,
    pub(crate) pixels: Memo<Prepare, Arc<Pixels>>,
    pub(crate) results: Arc<Results>,
}

/// What is worth to be kept of an image.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// The image has been decoded, so it can be.
    pub(crate) decodable: AtomicBool,
    pub(crate) detections: Memo<Detect, Found>,
    pub(crate) vectors: Memo<Embed, Arc<[f32]>>,
    pub(crate) texts: Memo<Describe, Arc<str>>,
    pub(crate) shown: Memo<Crop, CropImage>,
}

/// An image's pixels, and their share of the memory that there is for pixels.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) image: Arc<RgbImage>,
    pub(crate) _memory: MemoryShare,
}

/// A crop and where it lies in the image.
#[derive(Debug)]
pub(crate) struct Cropped {
    pub(crate) bbox: [i32; 4],
    pub(crate) image: Arc<RgbImage>,
}

/// What a detector found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Best first.
    pub(crate) detections: Arc<[Detection]>,
    /// The best one's box in whole pixels.
    pub(crate) prominent: Option<[i32; 4]>,
}

/// The outputs of nodes of one kind: the first who asks computes, the others wait. If the first gives up, the next computes.
#[derive(Debug)]
pub(crate) struct Memo<K, V>(Mutex<HashMap<K, Arc<OnceCell<Outcome<V>>>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub(crate) async fn get(
        &self,
        key: K,
        compute: impl Future<Output = Outcome<V>>,
    ) -> Outcome<V> {
        let cell = Arc::clone(self.lock().entry(key).or_default());
        cell.get_or_init(|| compute).await.clone()
    }

    /// The outputs that are there.
    fn each(&self, mut look: impl FnMut(&Outcome<V>)) {
        let cells = self.lock();
        cells
            .values()
            .filter_map(|cell| cell.get())
            .for_each(&mut look);
    }

    /// Whether something broke. That there is no face is an answer like any other.
    fn has_broken(&self) -> bool {
        let mut broken = false;
        self.each(|outcome| broken |= matches!(outcome, Err(Failure::Broken(_))));
        broken
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<OnceCell<Outcome<V>>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An image that a request works on; when the request ends, results are kept.
#[derive(Debug)]
pub(crate) struct Opened {
    works: Arc<ImageWorks>,
    pub(crate) work: Arc<ImageWork>,
    /// The orientation, 2 to 8, that the file has and that is not applied.
    pub(crate) ignored_orientation: Option<u16>,
    /// What was known of the image before.
    pub(crate) lookup: Lookup,
}

impl ImageWorks {
    /// Keeps results of up to so many bytes.
    pub(crate) fn new(cache_bytes: u64) -> Self {
        /// A vector, a box and a text have some 3 KB; only the speed of the cache depends on this guess.
        const USUAL: u64 = 4096;
        let usual = usize::try_from(cache_bytes.div_ceil(USUAL)).unwrap_or(usize::MAX);
        Self {
            under_way: Mutex::default(),
            kept: (cache_bytes > 0).then(|| Cache::with_weighter(usual, cache_bytes, Bytes)),
        }
    }

    /// What is known of the image that `encoded` is. Hashes it, which takes a millisecond for two megabytes.
    pub(crate) fn open(self: &Arc<Self>, encoded: &[u8], orientation: ExifOrientation) -> Opened {
        let stored = imaging::stored_orientation(encoded);
        let key = ImageKey {
            digest: Sha256::digest(encoded).into(),
            // Where there is nothing to turn, it is the same picture either way.
            orientation: stored.map_or(ExifOrientation::Ignore, |_| orientation),
        };
        let mut under_way = self.lock();
        // There are no more of them than requests.
        under_way.retain(|_, work| work.strong_count() > 0);
        let shared = under_way.get(&key).and_then(Weak::upgrade);
        // A request that comes later may fare better, so it does not share what broke.
        let shared = shared.filter(|work| !work.is_broken());
        let mut lookup = Lookup::Shared;
        let work = shared.unwrap_or_else(|| {
            let kept = self.kept.as_ref().and_then(|kept| kept.get(&key));
            lookup = match kept {
                Some(_) => Lookup::Kept,
                None => Lookup::Unknown,
            };
            let work = Arc::new(ImageWork {
                key,
                image: OnceCell::new(),
                crops: Memo::default(),
                pixels: Memo::default(),
                results: kept.unwrap_or_default(),
            });
            under_way.insert(key, Arc::downgrade(&work));
            work
        });
        let works = Arc::clone(self);
        Opened {
            works,
            work,
            lookup,
            ignored_orientation: stored.filter(|_| orientation == ExifOrientation::Ignore),
        }
    }

    /// Bytes of results that are kept.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, Cache::weight)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ImageKey, Weak<ImageWork>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ImageWork {
    /// What becomes of the image's orientation.
    pub(crate) fn orientation(&self) -> ExifOrientation {
        self.key.orientation
    }

    fn is_broken(&self) -> bool {
        self.results.are_broken()
            || self.image.get().is_some_and(Result::is_err)
            || self.crops.has_broken()
            || self.pixels.has_broken()
    }
}

impl Results {
    fn are_broken(&self) -> bool {
        self.detections.has_broken()
            || self.vectors.has_broken()
            || self.texts.has_broken()
            || self.shown.has_broken()
    }

    fn bytes(&self) -> u64 {
        /// A key, a cell, and their places in a map.
        const ENTRY: usize = 256;
        let mut bytes = ENTRY;
        let mut add = |more: usize| bytes += ENTRY + more;
        self.detections.each(|outcome| {
            let found = outcome.as_ref().map_or(0, |found| found.detections.len());
            add(found * size_of::<Detection>());
        });
        self.vectors
            .each(|outcome| add(outcome.as_ref().map_or(0, |it| 4 * it.len())));
        self.texts
            .each(|outcome| add(outcome.as_ref().map_or(0, |it| it.len())));
        self.shown
            .each(|outcome| add(outcome.as_ref().map_or(0, |it| it.png_base64.len())));
        bytes as u64
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (works, work) = (&self.works, &self.work);
        if let Some(kept) = &works.kept
            && !work.is_broken()
        {
            // What is kept is counted by the cache.
            work.results.shown.each(|outcome| {
                if let Ok(crop) = outcome {
                    crop.png_base64.give_back_share();
                }
            });
            // Put again, as it may weigh more than before.
            kept.insert(work.key, Arc::clone(&work.results));
        }
    }
}

/// Weighs results.
#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<ImageKey, Arc<Results>> for Bytes {
    fn weight(&self, _: &ImageKey, results: &Arc<Results>) -> u64 {
        results.bytes()
    }
}

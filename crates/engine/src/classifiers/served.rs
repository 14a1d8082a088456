//! The classifiers in force, as a server has them in memory, followed as they change on disk.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use super::best_models::FILE_NAME;
use super::classifier::Classifier;
use super::disk::{Disk, FileSystem};
use super::error::Unserved;
use super::followed::Followed;
use super::gate::{Gate, Looked, PATIENCE};
use super::known::{Known, ServedClassifier};

/// Files of classifiers that are looked at at a time, and so the most threads that those of a disk which hangs keep; one more
/// looks at `best_models.json`.
const READERS: usize = 4;

/// What a request finds of each collection that it names.
pub(crate) type Found = HashMap<u64, Result<Arc<Classifier>, Unserved>>;

/// The classifiers of a folder. Looking one up costs the look at two files' dates, and reads what has changed.
#[derive(Debug)]
pub struct ServedClassifiers {
    followed: Arc<Followed>,
    best_models: Gate,
    best_models_reader: Arc<Semaphore>,
    /// Of collections that `best_models.json` has named.
    files: Mutex<HashMap<u64, Arc<Gate>>>,
    readers: Arc<Semaphore>,
}

/// Files whose look does not come to an end.
#[derive(Debug, Default)]
struct Overdue {
    best_models: bool,
    files: BTreeSet<u64>,
}

impl ServedClassifiers {
    /// The classifiers of `folder`, which need not be there yet. Reads nothing.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::on(folder, Box::new(FileSystem))
    }

    pub(super) fn on(folder: &Path, disk: Box<dyn Disk>) -> Self {
        Self {
            followed: Arc::new(Followed::new(folder, disk)),
            best_models: Gate::default(),
            best_models_reader: Arc::new(Semaphore::new(1)),
            files: Mutex::default(),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.followed.folder()
    }

    /// The collection's classifier, as it is on disk now. Reads files where they changed, and blocks as long as the disk does: for
    /// commands, not for a server.
    pub fn get(&self, collection: u64) -> Option<ServedClassifier> {
        self.followed.look_at_best_models();
        self.followed.look_at(collection);
        self.followed.known().get(collection)
    }

    /// The classifiers of several collections at one moment, as they are on disk now, or where the disk is too slow as they are
    /// known.
    pub(crate) async fn find(&self, collections: BTreeSet<u64>) -> Result<Found, JoinError> {
        let overdue = self.look(|known| {
            let named = collections.iter().copied();
            named.filter(|id| known.best.0.contains_key(id)).collect()
        });
        let overdue = overdue.await?;
        let known = self.followed.known();
        let found = collections.iter().map(|&collection| {
            let overdue = self.in_words(&overdue, &known, collection);
            (collection, known.find(collection, overdue))
        });
        Ok(found.collect())
    }

    /// Every collection's classifier, and what is wrong with `best_models.json` if anything is, likewise.
    pub(crate) async fn all(&self) -> Result<(Vec<ServedClassifier>, Option<String>), JoinError> {
        let overdue = self.look(|known| known.best.0.keys().copied().collect());
        let overdue = overdue.await?;
        let known = self.followed.known();
        let all = known.best.0.keys().filter_map(|&collection| {
            let mut served = known.get(collection)?;
            let late = overdue.files.contains(&collection);
            let late = late.then(|| self.in_words(&overdue, &known, collection));
            served.problem = late.flatten().or(served.problem);
            Some(served)
        });
        let problem = overdue.best_models.then(|| self.hangs(FILE_NAME));
        Ok((all.collect(), problem.or_else(|| known.problem.clone())))
    }

    /// Looks at `best_models.json`, then at the files of the collections that `chosen` takes from what is known: each on a thread
    /// of its own, so that none waits for another that hangs.
    async fn look(&self, chosen: impl FnOnce(&Known) -> Vec<u64>) -> Result<Overdue, JoinError> {
        let deadline = Instant::now() + PATIENCE;
        let mut overdue = Overdue::default();
        let followed = Arc::clone(&self.followed);
        let look = move || followed.look_at_best_models();
        let reader = &self.best_models_reader;
        if self.best_models.pass(reader, deadline, look).await? == Looked::Overdue {
            // The other files would hang with it.
            overdue.best_models = true;
            return Ok(overdue);
        }
        let chosen = chosen(&self.followed.known());
        let mut looks = JoinSet::new();
        for collection in chosen {
            let gate = self.gate(collection);
            let readers = Arc::clone(&self.readers);
            let followed = Arc::clone(&self.followed);
            let look = async move {
                let look = move || followed.look_at(collection);
                (collection, gate.pass(&readers, deadline, look).await)
            };
            looks.spawn(look.in_current_span());
        }
        while let Some(look) = looks.join_next().await {
            let (collection, looked) = look?;
            if looked? == Looked::Overdue {
                overdue.files.insert(collection);
            }
        }
        Ok(overdue)
    }

    fn gate(&self, collection: u64) -> Arc<Gate> {
        let mut gates = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(collection).or_default())
    }

    /// What is waited for in vain before the collection's classifier is known, if anything is.
    fn in_words(&self, overdue: &Overdue, known: &Known, collection: u64) -> Option<String> {
        let best = known.best.0.get(&collection);
        match best {
            _ if overdue.best_models => Some(self.hangs(FILE_NAME)),
            Some(best) if overdue.files.contains(&collection) => Some(self.hangs(&best.model_file)),
            _ => None,
        }
    }

    fn hangs(&self, file: &str) -> String {
        let path = self.folder().join(file);
        let (path, patience) = (path.display(), PATIENCE.as_secs());
        format!(
            "{path} has not been read within {patience} s, so that what was known of it stays; is its disk or network folder at hand?"
        )
    }
}

//! The classifiers in force, as a server has them in memory, followed as they change on disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::best_models::{BestModel, BestModels, FILE_NAME};
use super::classifier::Classifier;
use super::error::{ClassifierError, Unserved};
use super::version::VersionName;

/// What tells whether a file is another than before: date, length and, where there is one, inode, as files are renamed into
/// place, and that may happen twice within a tick of the file system's clock.
type Signature = Option<(SystemTime, u64, u64)>;

fn signature(path: &Path) -> Signature {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Some((metadata.modified().ok()?, metadata.len(), inode))
}

/// A classifier in force, or why there is none.
#[derive(Debug, Clone)]
pub struct ServedClassifier {
    /// The collection.
    pub collection: u64,
    /// What `best_models.json` says of it.
    pub best: BestModel,
    /// The one in force: the best, or while its file is broken the one before it.
    pub classifier: Option<Arc<Classifier>>,
    /// The file that the one in force was read from.
    pub file: Option<String>,
    /// What is wrong with the best one's file.
    pub problem: Option<String>,
}

/// What a request finds of each collection that it names.
pub(crate) type Found = HashMap<u64, Result<Arc<Classifier>, Unserved>>;

/// The classifiers of a folder. Looking one up costs the look at two files' dates, and reads what has changed.
#[derive(Debug)]
pub struct ServedClassifiers {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Signature,
    best: BestModels,
    problem: Option<String>,
    loaded: BTreeMap<u64, Loaded>,
}

#[derive(Debug)]
struct Loaded {
    /// Of which file, as it was: what follows was said of it.
    source: (String, Signature),
    in_force: Option<InForce>,
    problem: Option<String>,
}

/// A classifier, and the name of the file it was read from.
#[derive(Clone, Debug)]
struct InForce {
    classifier: Arc<Classifier>,
    file: String,
}

impl ServedClassifiers {
    /// The classifiers of `folder`, which need not be there yet. Reads nothing.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            state: Mutex::default(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The collection's classifier, as it is on disk now. Reads files where they changed, so blocks.
    pub fn get(&self, collection: u64) -> Option<ServedClassifier> {
        let mut state = self.now();
        state.get(&self.folder, collection)
    }

    /// The classifiers of several collections at one moment. Blocks likewise.
    pub(crate) fn find(&self, collections: BTreeSet<u64>) -> Found {
        let mut state = self.now();
        let found = collections
            .into_iter()
            .map(|collection| (collection, state.find(&self.folder, collection)));
        found.collect()
    }

    /// Every collection's classifier, and what is wrong with `best_models.json` if anything is. Blocks likewise.
    pub fn all(&self) -> (Vec<ServedClassifier>, Option<String>) {
        let mut state = self.now();
        let collections: Vec<u64> = state.best.0.keys().copied().collect();
        let all = collections
            .into_iter()
            .filter_map(|id| state.get(&self.folder, id));
        let all = all.collect();
        (all, state.problem.clone())
    }
}

impl ServedClassifiers {
    /// What is known, after a look at the folder.
    fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.follow(&self.folder);
        state
    }
}

impl State {
    /// Reads `best_models.json` if it changed. While it is broken, what it said before holds.
    fn follow(&mut self, folder: &Path) {
        let path = folder.join(FILE_NAME);
        let now = signature(&path);
        if now == self.seen {
            return;
        }
        self.seen = now;
        match BestModels::read(folder) {
            Ok(best) => {
                self.loaded
                    .retain(|collection, _| best.0.contains_key(collection));
                self.best = best;
                self.problem = None;
            }
            Err(error) => {
                tracing::error!(%error, "classifiers stay as they were");
                self.problem = Some(error.to_string());
            }
        }
    }

    fn find(&mut self, folder: &Path, collection: u64) -> Result<Arc<Classifier>, Unserved> {
        let broken = |reason| Unserved::Broken { collection, reason };
        match self.get(folder, collection) {
            Some(served) => {
                let problem = served.problem.unwrap_or_default();
                served.classifier.ok_or_else(|| broken(problem))
            }
            // A file that cannot be read may name the collection.
            None => Err(self
                .problem
                .clone()
                .map_or(Unserved::Unknown(collection), broken)),
        }
    }

    fn get(&mut self, folder: &Path, collection: u64) -> Option<ServedClassifier> {
        let best = self.best.0.get(&collection)?.clone();
        let path = folder.join(&best.model_file);
        let source = (best.model_file.clone(), signature(&path));
        let before = self.loaded.get(&collection);
        if before.is_none_or(|before| before.source != source) {
            let previous = before.and_then(|before| before.in_force.clone());
            let loaded = load(folder, collection, &path, source, previous);
            self.loaded.insert(collection, loaded);
        }
        let loaded = self.loaded.get(&collection)?;
        let in_force = loaded.in_force.as_ref();
        Some(ServedClassifier {
            collection,
            best,
            classifier: in_force.map(|it| Arc::clone(&it.classifier)),
            file: in_force.map(|it| it.file.clone()),
            problem: loaded.problem.clone(),
        })
    }
}

impl InForce {
    fn new(classifier: Classifier, file: String) -> Self {
        Self {
            classifier: Arc::new(classifier),
            file,
        }
    }
}

/// Reads the best; if that fails, the previous one stays, or where there is none the copy under the fixed name stands in.
fn load(
    folder: &Path,
    collection: u64,
    path: &Path,
    source: (String, Signature),
    previous: Option<InForce>,
) -> Loaded {
    let error = match of_collection(path, collection) {
        Ok(classifier) => {
            tracing::info!(collection, file = source.0, "classifier loaded");
            return Loaded {
                in_force: Some(InForce::new(classifier, source.0.clone())),
                source,
                problem: None,
            };
        }
        Err(error) => error,
    };
    tracing::error!(collection, %error, "classifier not loaded; the one before stays in force");
    let copy = VersionName {
        collection,
        version: None,
    };
    let copy = || {
        let file = copy.file_name();
        let classifier = of_collection(&folder.join(&file), collection).ok()?;
        Some(InForce::new(classifier, file))
    };
    Loaded {
        source,
        in_force: previous.or_else(copy),
        problem: Some(error.to_string()),
    }
}

fn of_collection(path: &Path, collection: u64) -> Result<Classifier, ClassifierError> {
    let classifier = Classifier::open(path)?;
    if classifier.collection != collection {
        let found = classifier.collection;
        let reason = format!("it is of collection {found}, expected {collection}");
        return Err(ClassifierError::format(path, reason));
    }
    Ok(classifier)
}

//! Looking at a folder of classifiers: what has changed is read. Blocks as long as the disk does; what is known is locked for
//! moments only, and never while a file is looked at or read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::best_models::{BestModels, FILE_NAME};
use super::classifier::Classifier;
use super::disk::Disk;
use super::error::ClassifierError;
use super::known::{InForce, Known, Loaded, Seen};
use super::version::VersionName;

/// A folder, and what is known of it.
#[derive(Debug)]
pub(super) struct Followed {
    folder: PathBuf,
    disk: Box<dyn Disk>,
    known: Mutex<Known>,
}

impl Followed {
    pub(super) fn new(folder: &Path, disk: Box<dyn Disk>) -> Self {
        Self {
            folder: folder.to_owned(),
            disk,
            known: Mutex::default(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known. Locked while it is held, so only for moments.
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads `best_models.json` if it changed. While it cannot be read, what it said before holds.
    pub(super) fn look_at_best_models(&self) {
        let path = self.folder.join(FILE_NAME);
        let now = self.disk.signature(&path);
        if let Ok(now) = &now
            && self.known().seen.as_ref().is_some_and(|it| it.holds(now))
        {
            return;
        }
        let (seen, read) = match now {
            Ok(None) => (Some(Seen::for_good(None)), Ok(BestModels::default())),
            Ok(now) => match self
                .disk
                .read(&path)
                .and_then(|bytes| BestModels::parse(&path, &bytes))
            {
                Ok(best) => (Some(Seen::for_good(now)), Ok(best)),
                Err(error) => (Some(Seen::failed(now, &[&error])), Err(error)),
            },
            Err(error) => (None, Err(ClassifierError::io("look at", &path)(error))),
        };
        let mut known = self.known();
        known.seen = seen;
        match read {
            Ok(best) => {
                known.loaded.retain(|id, _| best.0.contains_key(id));
                known.best = best;
                known.problem = None;
            }
            Err(error) => {
                let problem = Some(error.to_string());
                // Said once, however often it is tried.
                if known.problem != problem {
                    tracing::error!(%error, "classifiers stay as they were");
                }
                known.problem = problem;
            }
        }
    }

    /// Reads the file of the collection's best if it is another than before or changed. While it cannot be read, the
    /// classifier before it stays, or where there is none the copy under the fixed name stands in.
    pub(super) fn look_at(&self, collection: u64) {
        let best = |known: &Known| Some(known.best.0.get(&collection)?.model_file.clone());
        let Some(source) = best(&self.known()) else {
            return;
        };
        let path = self.folder.join(&source);
        let now = self.disk.signature(&path);
        let (previous, said) = match self.known().loaded.get(&collection) {
            Some(loaded) => {
                let holds = |now| loaded.seen.as_ref().is_some_and(|it| it.holds(now));
                if loaded.source == source && now.as_ref().is_ok_and(holds) {
                    return;
                }
                (loaded.in_force.clone(), loaded.problem.clone())
            }
            None => (None, None),
        };
        let read = match &now {
            Ok(_) => self.read(&path, collection),
            Err(error) => Err(ClassifierError::io("look at", &path)(copied(error))),
        };
        let loaded = match read {
            Ok(classifier) => {
                tell(&classifier, &source);
                Loaded {
                    seen: now.ok().map(Seen::for_good),
                    in_force: Some(InForce::new(classifier, source.clone())),
                    source,
                    problem: None,
                }
            }
            Err(error) => {
                let problem = error.to_string();
                if said.as_ref() != Some(&problem) {
                    tracing::error!(collection, %error, "classifier not loaded; the one before stays in force");
                }
                let copy = previous.map_or_else(|| self.copy(collection), Ok);
                let mut errors = vec![&error];
                errors.extend(copy.as_ref().err());
                Loaded {
                    source,
                    seen: now.ok().map(|now| Seen::failed(now, &errors)),
                    in_force: copy.ok(),
                    problem: Some(problem),
                }
            }
        };
        let mut known = self.known();
        // It may be gone meanwhile. If it is another by now, the next look will see that.
        if known.best.0.contains_key(&collection) {
            known.loaded.insert(collection, loaded);
        }
    }

    /// The copy of the collection's best.
    fn copy(&self, collection: u64) -> Result<InForce, ClassifierError> {
        let name = VersionName {
            collection,
            version: None,
        };
        let file = name.file_name();
        let classifier = self.read(&self.folder.join(&file), collection)?;
        Ok(InForce::new(classifier, file))
    }

    fn read(&self, path: &Path, collection: u64) -> Result<Classifier, ClassifierError> {
        Classifier::require_no_pickle(path)?;
        let classifier = Classifier::parse(path, self.disk.read(path)?)?;
        if classifier.collection != collection {
            let found = classifier.collection;
            let reason = format!("it is of collection {found}, expected {collection}");
            return Err(ClassifierError::format(path, reason));
        }
        Ok(classifier)
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

fn tell(classifier: &Classifier, file: &str) {
    let collection = classifier.collection;
    tracing::info!(collection, file, "classifier loaded");
    if classifier.record.embedding_models.is_empty() {
        let taken_for = classifier.record.models_in_words();
        tracing::warn!(
            collection,
            file,
            taken_for,
            "its record does not say which models made the vectors that it was trained on, so it is taken for one of the Python service's; \
             train it anew if another made them"
        );
    }
}

/// The same error once more.
fn copied(error: &std::io::Error) -> std::io::Error {
    match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code),
        None => std::io::Error::new(error.kind(), error.to_string()),
    }
}

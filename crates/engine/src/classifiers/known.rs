//! What a server knows of a folder of classifiers, between two looks at it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::best_models::{BestModel, BestModels};
use super::classifier::Classifier;
use super::disk::Signature;
use super::error::{ClassifierError, Unserved};

/// What is waited before a file that could not be read is read again, though it looks the same.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

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

/// What was read, and what is wrong with the files.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// None: `best_models.json` is read at the next look.
    pub(super) seen: Option<Seen>,
    pub(super) best: BestModels,
    pub(super) problem: Option<String>,
    pub(super) loaded: BTreeMap<u64, Loaded>,
}

/// A file as it was when it was read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    signature: Signature,
    /// From when on it is read again, whether it changed or not.
    again: Option<Instant>,
}

/// What was read of a collection.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The best one's file, of which the rest was said.
    pub(super) source: String,
    /// None: it is read at the next look.
    pub(super) seen: Option<Seen>,
    pub(super) in_force: Option<InForce>,
    pub(super) problem: Option<String>,
}

/// A classifier, and the name of the file it was read from.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) classifier: Arc<Classifier>,
    pub(super) file: String,
}

impl Seen {
    /// A file that was read, or is broken and stays so until it changes.
    pub(super) fn for_good(signature: Signature) -> Self {
        Self {
            signature,
            again: None,
        }
    }

    /// A file that could not be read, which says nothing of the file if the failure was one of a moment.
    pub(super) fn failed(signature: Signature, errors: &[&ClassifierError]) -> Self {
        let passes = errors.iter().any(|error| error.may_pass());
        Self {
            signature,
            again: passes.then(|| Instant::now() + PAUSE),
        }
    }

    /// Whether reading it again would give what it gave.
    pub(super) fn holds(&self, now: &Signature) -> bool {
        self.signature == *now && self.again.is_none_or(|again| Instant::now() < again)
    }
}

impl Known {
    /// The collection's classifier.
    pub(super) fn get(&self, collection: u64) -> Option<ServedClassifier> {
        let best = self.best.0.get(&collection)?.clone();
        let loaded = self.loaded.get(&collection);
        let in_force = loaded.and_then(|it| it.in_force.as_ref());
        Some(ServedClassifier {
            collection,
            best,
            classifier: in_force.map(|it| Arc::clone(&it.classifier)),
            file: in_force.map(|it| it.file.clone()),
            problem: loaded.and_then(|it| it.problem.clone()),
        })
    }

    /// What a request finds. `overdue` says what a look that has not come to an end is waited for, if there is one.
    pub(super) fn find(
        &self,
        collection: u64,
        overdue: Option<String>,
    ) -> Result<Arc<Classifier>, Unserved> {
        let broken = |reason| Unserved::Broken { collection, reason };
        match self.get(collection) {
            Some(served) => served
                .classifier
                .ok_or_else(|| broken(overdue.or(served.problem).unwrap_or_default())),
            // A file that cannot be read may name the collection.
            None => Err(overdue
                .or_else(|| self.problem.clone())
                .map_or(Unserved::Unknown(collection), broken)),
        }
    }
}

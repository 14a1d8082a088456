//! `best_models.json`: which version of each collection is in force.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::ClassifierError;
use super::record::{MetricsRecord, Record};
use super::regular_file::read_regular_file;
use super::replace::replace;

/// The file's name.
pub(super) const FILE_NAME: &str = "best_models.json";

/// The version of a collection that is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Entry")]
pub struct BestModel {
    /// Its file, in the same folder.
    pub model_file: String,
    /// As in its record; none in files of the Python service's first form, which had the file's name alone.
    pub derivative_type: Option<String>,
    /// As in its record.
    pub embedding_type: Option<String>,
    /// As in its record.
    pub dimensionality: Option<usize>,
    /// How it did in the last bake-off.
    pub metrics: Option<MetricsRecord>,
}

/// Both forms of an entry.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Name(String),
    Full {
        model_file: String,
        derivative_type: Option<String>,
        embedding_type: Option<String>,
        dimensionality: Option<usize>,
        metrics: Option<MetricsRecord>,
    },
}

impl From<Entry> for BestModel {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Name(model_file) => Self {
                model_file,
                derivative_type: None,
                embedding_type: None,
                dimensionality: None,
                metrics: None,
            },
            Entry::Full {
                model_file,
                derivative_type,
                embedding_type,
                dimensionality,
                metrics,
            } => Self {
                model_file,
                derivative_type,
                embedding_type,
                dimensionality,
                metrics,
            },
        }
    }
}

impl BestModel {
    /// The entry of the file `model_file` with this record, which did so well in the last bake-off.
    #[must_use]
    pub fn new(model_file: String, record: &Record, metrics: Option<MetricsRecord>) -> Self {
        Self {
            model_file,
            derivative_type: Some(record.derivative_type.clone()),
            embedding_type: Some(record.embedding_type.clone()),
            dimensionality: Some(record.dimensionality),
            metrics,
        }
    }
}

/// Every collection's best, by collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BestModels(pub BTreeMap<u64, BestModel>);

impl BestModels {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// [`ClassifierError`] when it cannot be read, or an entry is not understood. File names with a folder in them are not.
    pub fn read(folder: &Path) -> Result<Self, ClassifierError> {
        let path = folder.join(FILE_NAME);
        match read_regular_file(&path) {
            Ok(bytes) => Self::parse(&path, &bytes),
            Err(error) if error.is_absence() => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads the content of the file at `path`.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ClassifierError> {
        let format = |reason: String| ClassifierError::format(path, reason);
        // By hand, as integer keys of an untagged form are beyond serde.
        let entries: BTreeMap<String, BestModel> =
            serde_json::from_slice(bytes).map_err(|error| format(error.to_string()))?;
        let mut best = BTreeMap::new();
        for (key, entry) in entries {
            let collection = key
                .parse()
                .map_err(|_| format(format!("{key:?} is no collection's number")))?;
            let name = Path::new(&entry.model_file);
            if name.file_name().is_none_or(|file| file != name.as_os_str()) {
                let file = &entry.model_file;
                return Err(format(format!("{file:?} is no file's name")));
            }
            best.insert(collection, entry);
        }
        Ok(Self(best))
    }

    /// Replaces the file. The caller holds the folder's lock.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ClassifierError> {
        let path = folder.join(FILE_NAME);
        let entries: BTreeMap<String, &BestModel> = self
            .0
            .iter()
            .map(|(id, best)| (id.to_string(), best))
            .collect();
        let mut text = serde_json::to_vec_pretty(&entries)
            .map_err(|error| ClassifierError::format(&path, error))?;
        text.push(b'\n');
        replace(&path, &text)
    }
}

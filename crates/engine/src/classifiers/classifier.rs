use std::path::Path;

use models::logistic::LogisticRegression;

use super::error::ClassifierError;
use super::file_format;
use super::record::Record;
use super::regular_file::read_regular_file;

/// Whether an image is in a collection: the numbers, and what they are for.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// Which collection.
    pub collection: u64,
    /// The numbers.
    pub model: LogisticRegression,
    /// What they are for.
    pub record: Record,
}

impl Classifier {
    /// Reads a classifier's file.
    ///
    /// # Errors
    /// [`ClassifierError`] when it cannot be read or is damaged.
    pub fn open(path: &Path) -> Result<Self, ClassifierError> {
        Self::require_no_pickle(path)?;
        Self::parse(path, read_regular_file(path)?)
    }

    /// Fails if the file's name is a pickle's.
    pub(super) fn require_no_pickle(path: &Path) -> Result<(), ClassifierError> {
        if path.extension().is_some_and(|it| it == "pkl") {
            let path = path.to_owned();
            return Err(ClassifierError::Pickle { path });
        }
        Ok(())
    }

    /// Reads the content of the file at `path`.
    pub(super) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, ClassifierError> {
        file_format::read(path, bytes)
    }

    /// The file's content.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file_format::write(self)
    }
}

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use models::logistic::LogisticRegression;

use super::error::ClassifierError;
use super::file_format;
use super::record::Record;

/// The largest file that is read. A classifier of 1,280 numbers has 11 KB.
const MAX_BYTES: u64 = 16 << 20;

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
        if path.extension().is_some_and(|it| it == "pkl") {
            return Err(ClassifierError::Pickle {
                path: path.to_owned(),
            });
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(ClassifierError::io("open", path))?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(ClassifierError::io("read", path))?;
        if bytes.len() as u64 > MAX_BYTES {
            let reason = format!("more than {MAX_BYTES} bytes");
            return Err(ClassifierError::format(path, reason));
        }
        file_format::read(path, bytes)
    }

    /// The file's content.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file_format::write(self)
    }
}

//! Pickles of scikit-learn's `LogisticRegression`, plain (protocols 2 to 5) and as joblib writes them, read without executing
//! anything.
//!
//! [`crate::pickle`] runs the few instructions such a file is made of; [`globals`] lists the names it may mention, and
//! [`dialect`] notes what they describe: the estimator's attributes and NumPy's arrays. Everything else is refused by name. joblib
//! puts an array's numbers into the middle of the pickle, behind the description of the array ([`wrapper`]), and may compress
//! the whole ([`compression`]).
//!
//! Formats: `numpy/_core/src/multiarray/methods.c` (`array_reduce_ex`, `array_setstate`),
//! `joblib/numpy_pickle.py`, `sklearn/linear_model/_logistic.py`.

mod array;
mod compression;
mod dialect;
mod element;
mod estimator;
mod globals;
mod state;
mod wrapper;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::pickle::unpickle;
use dialect::Estimators;

/// The largest file that is read, and the most that a compressed one may unpack to. A classifier of 1,280 numbers has 11 KB.
const MAX_BYTES: u64 = 16 << 20;

/// A binary classifier as scikit-learn pickled it.
#[derive(Debug, Clone, PartialEq)]
pub struct PickledClassifier {
    /// `coef_[0]`: one a dimension, all finite.
    pub coefficients: Vec<f64>,
    /// `intercept_[0]`, finite.
    pub intercept: f64,
    /// The version of scikit-learn that wrote it, if it says so.
    pub scikit_learn: Option<String>,
}

/// Why a file is no classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierFileError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is no pickle of a fitted binary `LogisticRegression`, it is damaged, or it asks for something that such a pickle has no
    /// use for.
    #[error("{name}: {reason}")]
    Format {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl PickledClassifier {
    /// Reads a file of at most 16 MiB.
    ///
    /// # Errors
    /// [`ClassifierFileError`] when it cannot be read, or is anything but a classifier.
    pub fn open(path: &Path) -> Result<Self, ClassifierFileError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|source| ClassifierFileError::Io {
                path: path.to_owned(),
                source,
            })?;
        Self::from_bytes(&path.display().to_string(), &bytes)
    }

    /// The same for bytes in memory; `name` stands for the path in errors.
    ///
    /// # Errors
    /// [`ClassifierFileError::Format`] as for [`PickledClassifier::open`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, ClassifierFileError> {
        read(bytes).map_err(|reason| ClassifierFileError::Format {
            name: name.to_owned(),
            reason,
        })
    }
}

fn read(file: &[u8]) -> Result<PickledClassifier, String> {
    if file.len() as u64 > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let bytes = compression::unpacked(file)?;
    if bytes.first() != Some(&0x80) {
        return Err("not a pickle of protocol 2 to 5".to_owned());
    }
    let pickle = unpickle(&bytes, Estimators::default())?;
    if pickle.length != bytes.len() {
        let left = bytes.len() - pickle.length;
        return Err(format!("{left} bytes after its pickle"));
    }
    estimator::classifier(&pickle)
}

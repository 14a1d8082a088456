use std::fmt::Display;
use std::path::{Path, PathBuf};

use thiserror::Error;
use weights::CheckpointError;

use crate::interrupt::Interrupted;

/// A model cannot be made from its weights files.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A weights file is missing, damaged, or not that of this model.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file beside the weights (settings, a vocabulary) is missing, damaged, or not that of this model.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl LoadError {
    /// What makes an error of whatever is wrong with the file at `path`.
    pub(crate) fn of_file<E: Display>(path: &Path) -> impl Fn(E) -> Self {
        move |reason| Self::File {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// A detector cannot look at an image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The image has more pixels than the detector's sums can hold.
    #[error("an image of {width}x{height} pixels is too large to search")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// At the size that the detector takes, nothing of the image's short side would be left.
    #[error("an image of {width}x{height} pixels is too elongated to search")]
    TooElongated {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The caller's [`Interrupt`](crate::Interrupt) said so.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

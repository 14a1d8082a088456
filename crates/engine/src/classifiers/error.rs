use std::path::{Path, PathBuf};

/// What can be wrong with a folder of classifiers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The file system failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There is something else in the file's place, which is not opened: it may keep its reader waiting for ever.
    #[error("{} is {found}, expected a regular file", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The file is no classifier.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is a Python pickle, which is imported, not served.
    #[error(
        "{} is a pickle: `image-embed classifiers import` makes a classifier of it",
        path.display()
    )]
    Pickle {
        /// The file.
        path: PathBuf,
    },
}

/// Why a collection's classifier cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unserved {
    /// There is none.
    #[error("no classifier for collection {0}")]
    Unknown(u64),
    /// There should be one.
    #[error("the classifier of collection {collection} cannot be used: {reason}")]
    Broken {
        /// The collection.
        collection: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClassifierError {
    /// Whether trying again may help although the file stays as it is: too many files are open, a network folder is away, memory is
    /// short, a permission is missing. What is damaged stays damaged, and what is not there is seen when it comes.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. }) && !self.is_absence()
    }

    /// Whether there is no such file.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    pub(super) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(super) fn format(path: &Path, reason: impl ToString) -> Self {
        Self::Format {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

//! One process at a time per file.

use std::fs::{File, OpenOptions, create_dir_all};
use std::path::{Path, PathBuf};

use crate::store_error::StoreError;

/// An exclusive lock on a lock file, held until dropped. The file itself stays: to remove it would
/// let a third process lock a new file while a second still waits for the old one.
#[derive(Debug)]
pub(crate) struct FileLock(#[expect(dead_code, reason = "held for its lock")] File);

impl FileLock {
    /// The lock file of `file` in a weights directory or in the cache.
    pub(crate) fn path(root: &Path, file: &str) -> PathBuf {
        root.join(".locks").join(format!("{file}.lock"))
    }

    /// Waits until no other process holds the lock. On Unix this is `flock`, which `huggingface_hub`
    /// uses too, so that the two take turns.
    pub(crate) fn acquire(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            create_dir_all(directory).map_err(StoreError::io("create", directory))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(StoreError::io("open", path))?;
        file.lock().map_err(StoreError::io("lock", path))?;
        Ok(Self(file))
    }
}

//! A file on its way to its name: written beside it as `<name>.incomplete`, and renamed when whole.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, create_dir_all, remove_file, rename};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::digest::{absorb, hex};
use crate::store_error::StoreError;

/// Callers hold the lock of the file's name.
#[derive(Debug)]
pub(crate) struct PartialFile {
    destination: PathBuf,
    path: PathBuf,
    file: File,
    digest: Sha256,
    length: u64,
    /// Whether a later run may go on from here: true when the whole can be verified by a hash.
    resumable: bool,
    settled: bool,
}

impl PartialFile {
    /// Opens the partial file of `destination`, with what an earlier run left if it is `resumable`.
    pub(crate) fn open(destination: &Path, resumable: bool) -> Result<Self, StoreError> {
        if let Some(directory) = destination.parent() {
            create_dir_all(directory).map_err(StoreError::io("create", directory))?;
        }
        let mut name = destination
            .file_name()
            .map_or_else(OsString::new, OsString::from);
        name.push(".incomplete");
        let path = destination.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(!resumable)
            .open(&path)
            .map_err(StoreError::io("create", &path))?;
        let mut partial = Self {
            destination: destination.to_owned(),
            path,
            file,
            digest: Sha256::new(),
            length: 0,
            resumable,
            settled: false,
        };
        partial.length = absorb(&mut partial.file, &mut partial.digest)
            .map_err(StoreError::io("read", &partial.path))?;
        Ok(partial)
    }

    /// Bytes written so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn resumable(&self) -> bool {
        self.resumable
    }

    /// Forgets what was written.
    pub(crate) fn restart(&mut self) -> Result<(), StoreError> {
        use std::io::Seek;
        self.digest = Sha256::new();
        self.length = 0;
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(StoreError::io("write", &self.path))
    }

    /// Writes more of the content. When that fails (disk full), everything is removed.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Err(source) = self.file.write_all(bytes) {
            self.resumable = false;
            return Err(StoreError::io("write", &self.path)(source));
        }
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// SHA-256 of what was written, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        hex(self.digest.clone())
    }

    /// Gives the content its name, once it is safely on disk.
    pub(crate) fn persist(mut self) -> Result<(), StoreError> {
        let synced = self
            .file
            .sync_all()
            .and_then(|()| rename(&self.path, &self.destination));
        if let Err(source) = synced {
            self.resumable = false;
            return Err(StoreError::io("write", &self.destination)(source));
        }
        self.settled = true;
        // The new name is in the directory; not every system can sync one, and none loses the content.
        if let Some(directory) = self.destination.parent()
            && let Ok(directory) = File::open(directory)
        {
            let _ = directory.sync_all();
        }
        Ok(())
    }

    /// Removes what was written.
    pub(crate) fn discard(mut self) {
        self.resumable = false;
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.settled && (!self.resumable || self.length == 0) {
            let _ = remove_file(&self.path);
        }
    }
}

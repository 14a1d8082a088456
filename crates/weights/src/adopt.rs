//! Taking in a file that its user already has.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::catalog::{FileEntry, HubFile, Source};
use crate::digest;
use crate::hub::is_sha256;
use crate::hub_cache::HubCache;
use crate::lock::FileLock;
use crate::partial_file::PartialFile;
use crate::store::Store;
use crate::store_error::StoreError;

impl Store {
    /// Verifies the file at `from`, then copies it to where [`Store::pull`] would have put it.
    ///
    /// # Errors
    /// [`StoreError::Length`] or [`StoreError::Hash`] when it is not the catalogue's file,
    /// [`StoreError::Adopt`] when the Hub's cache could not tell where it belongs.
    pub fn adopt(&self, entry: &FileEntry, from: &Path) -> Result<PathBuf, StoreError> {
        match (entry.source, &self.config.weights_dir) {
            (Source::Hub(hub), None) => self.adopt_into_hub_cache(entry, hub, from),
            _ => {
                let destination = self.plain_path(entry);
                let _lock = FileLock::acquire(&self.plain_lock(entry))?;
                copy_verified(entry, from, &destination)?;
                Ok(destination)
            }
        }
    }

    fn adopt_into_hub_cache(
        &self,
        entry: &FileEntry,
        hub: HubFile,
        from: &Path,
    ) -> Result<PathBuf, StoreError> {
        let is_commit =
            hub.revision.len() == 40 && hub.revision.bytes().all(|c| c.is_ascii_hexdigit());
        let sha256 = entry.sha256.filter(|sha256| is_sha256(sha256));
        let (true, Some(sha256)) = (is_commit, sha256) else {
            let reason = "the catalogue pins no commit and sha256 for it; put it into a weights \
                          directory instead";
            return Err(StoreError::Adopt {
                path: from.to_owned(),
                reason,
            });
        };
        let cache = HubCache::new(&self.config.hub_cache, hub.repo);
        let _lock = FileLock::acquire(&cache.lock(sha256))?;
        copy_verified(entry, from, &cache.blob(sha256))?;
        cache.publish(hub.revision, hub.revision, hub.file, sha256)
    }
}

fn copy_verified(entry: &FileEntry, from: &Path, destination: &Path) -> Result<(), StoreError> {
    let mut source = File::open(from).map_err(StoreError::io("read", from))?;
    let mut partial = PartialFile::open(destination, false)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match source
            .read(&mut buffer)
            .map_err(StoreError::io("read", from))?
        {
            0 => break,
            read => partial.append(&buffer[..read])?,
        }
    }
    let place = from.display().to_string();
    let (length, sha256) = (partial.length(), partial.sha256());
    match (entry.bytes, entry.sha256) {
        (Some(expected), _) if expected != length => Err(StoreError::Length {
            place,
            expected,
            found: length,
        }),
        (_, Some(expected)) if !digest::matches(&sha256, expected) => Err(StoreError::Hash {
            place,
            expected: expected.to_owned(),
            found: sha256,
        }),
        _ => partial.persist(),
    }
}

//! Getting a file here: from its URL or from the Hub, into the cache or a weights directory.

use std::path::PathBuf;

use crate::catalog::{FileEntry, HubFile, Source};
use crate::download::Download;
use crate::hub::{HubMetadata, credential};
use crate::hub_cache::HubCache;
use crate::lock::FileLock;
use crate::progress::Progress;
use crate::store::Store;
use crate::store_error::StoreError;

impl Store {
    /// The file, downloaded if it is not here or if [`Store::verify`] finds it damaged. Of several
    /// processes that pull the same file one downloads it, the others wait and find it. With a
    /// weights directory the file goes there.
    ///
    /// # Errors
    /// [`StoreError::Offline`] when it would have to be downloaded offline; otherwise what went
    /// wrong on the way. A file that is not whole and verified never gets its name.
    pub fn pull(&self, entry: &FileEntry, progress: &dyn Progress) -> Result<PathBuf, StoreError> {
        match self.verify(entry) {
            Ok(verified) => return Ok(verified.path),
            Err(
                StoreError::Absent { model, file } | StoreError::AbsentFromDir { model, file, .. },
            ) if self.config.offline => {
                return Err(StoreError::Offline { model, file });
            }
            Err(damaged) if self.config.offline => return Err(damaged),
            Err(_) => {}
        }
        match (entry.source, &self.config.weights_dir) {
            (Source::Url(url), _) => {
                self.pull_plain(entry, &self.wanted_of_url(url, entry), progress)
            }
            (Source::Hub(hub), Some(_)) => {
                let metadata = hub.metadata(&self.client, &self.config)?;
                let url = hub.url(&self.config.hub_endpoint, &metadata.commit);
                self.pull_plain(entry, &self.wanted_of_hub(&url, entry, &metadata), progress)
            }
            (Source::Hub(hub), None) => self.pull_hub(entry, hub, progress),
        }
    }

    fn pull_plain(
        &self,
        entry: &FileEntry,
        wanted: &Download<'_>,
        progress: &dyn Progress,
    ) -> Result<PathBuf, StoreError> {
        let destination = self.plain_path(entry);
        let _lock = FileLock::acquire(&self.plain_lock(entry))?;
        // Another process may have been here while this one waited for the lock.
        if let Ok(verified) = self.verify(entry) {
            return Ok(verified.path);
        }
        wanted.run(&self.client, &destination, progress)?;
        Ok(destination)
    }

    fn pull_hub(
        &self,
        entry: &FileEntry,
        hub: HubFile,
        progress: &dyn Progress,
    ) -> Result<PathBuf, StoreError> {
        let metadata = hub.metadata(&self.client, &self.config)?;
        let cache = HubCache::new(&self.config.hub_cache, hub.repo);
        let blob = cache.blob(&metadata.etag);
        let url = hub.url(&self.config.hub_endpoint, &metadata.commit);
        let wanted = self.wanted_of_hub(&url, entry, &metadata);
        let _lock = FileLock::acquire(&cache.lock(&metadata.etag))?;
        // It may be there already: from another process, or under another commit.
        if !wanted.is_at(&blob) {
            wanted.run(&self.client, &blob, progress)?;
        }
        cache.publish(hub.revision, &metadata.commit, hub.file, &metadata.etag)?;
        self.locate(entry)
    }

    fn wanted_of_url<'a>(&self, url: &'a str, entry: &FileEntry) -> Download<'a> {
        Download {
            url,
            credential: None,
            sha256: entry.sha256,
            bytes: entry.bytes,
            attempts: self.config.attempts.max(1),
            backoff: self.config.backoff,
        }
    }

    fn wanted_of_hub<'a>(
        &'a self,
        url: &'a str,
        entry: &FileEntry,
        metadata: &'a HubMetadata,
    ) -> Download<'a> {
        Download {
            credential: credential(&self.config),
            sha256: entry.sha256.or(metadata.sha256()),
            bytes: entry.bytes.or(metadata.bytes),
            ..self.wanted_of_url(url, entry)
        }
    }
}

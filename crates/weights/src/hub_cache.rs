//! The cache of `huggingface_hub`, as that library lays it out, so that each finds what the other
//! downloaded:
//!
//! ```text
//! models--owner--name/refs/main                    the commit that main was
//! models--owner--name/blobs/<etag>                 the content
//! models--owner--name/snapshots/<commit>/<file>    a relative link to the blob
//! .locks/models--owner--name/<etag>.lock
//! ```

use std::fs::{create_dir_all, read_to_string, remove_file, rename, write};
use std::path::{Path, PathBuf};

use crate::store_error::StoreError;

/// One repository within the cache.
#[derive(Debug)]
pub(crate) struct HubCache {
    root: PathBuf,
    folder: String,
}

impl HubCache {
    pub(crate) fn new(root: &Path, repo: &str) -> Self {
        Self {
            root: root.to_owned(),
            folder: format!("models--{}", repo.replace('/', "--")),
        }
    }

    fn repository(&self) -> PathBuf {
        self.root.join(&self.folder)
    }

    /// The file at a revision, if it has been downloaded.
    pub(crate) fn find(&self, revision: &str, file: &str) -> Option<PathBuf> {
        let commit = read_to_string(self.repository().join("refs").join(revision));
        let commit = commit.as_deref().map_or(revision, str::trim);
        // A branch without a ref is unknown, and a damaged ref must not lead out of the cache.
        let path = is_plain_name(commit).then(|| self.snapshot(commit, file))?;
        path.is_file().then_some(path)
    }

    /// Where the file of a commit is looked for.
    pub(crate) fn snapshot(&self, commit: &str, file: &str) -> PathBuf {
        self.repository().join("snapshots").join(commit).join(file)
    }

    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.repository().join("blobs").join(etag)
    }

    pub(crate) fn lock(&self, etag: &str) -> PathBuf {
        self.root
            .join(".locks")
            .join(&self.folder)
            .join(format!("{etag}.lock"))
    }

    /// Makes the blob known as `file` of `commit`, and `commit` as what `revision` stands for.
    pub(crate) fn publish(
        &self,
        revision: &str,
        commit: &str,
        file: &str,
        etag: &str,
    ) -> Result<PathBuf, StoreError> {
        let pointer = self.snapshot(commit, file);
        if !pointer.is_file() {
            let directory = pointer.parent().unwrap_or(&self.root);
            create_dir_all(directory).map_err(StoreError::io("create", directory))?;
            // A link to a blob that is gone is in the way.
            let _ = remove_file(&pointer);
            let depth = file.split('/').count() + 1;
            let target: PathBuf = std::iter::repeat_n("..", depth)
                .chain(["blobs", etag])
                .collect();
            link(&target, &self.blob(etag), &pointer).map_err(StoreError::io("link", &pointer))?;
        }
        if revision != commit {
            self.write_ref(revision, commit)?;
        }
        Ok(pointer)
    }

    fn write_ref(&self, revision: &str, commit: &str) -> Result<(), StoreError> {
        let path = self.repository().join("refs").join(revision);
        if read_to_string(&path).is_ok_and(|known| known == commit) {
            return Ok(());
        }
        if let Some(directory) = path.parent() {
            create_dir_all(directory).map_err(StoreError::io("create", directory))?;
        }
        let mut temporary = path.clone().into_os_string();
        temporary.push(format!(".{}.tmp", std::process::id()));
        write(&temporary, commit)
            .and_then(|()| rename(&temporary, &path))
            .map_err(StoreError::io("write", &path))
    }
}

/// Whether a name from a server or a file may become one part of a path.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
}

#[cfg(unix)]
fn link(target: &Path, _blob: &Path, pointer: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, pointer)
}

/// Where links are a privilege, huggingface_hub moves the blob into the snapshot.
#[cfg(not(unix))]
fn link(_target: &Path, blob: &Path, pointer: &Path) -> std::io::Result<()> {
    rename(blob, pointer)
}

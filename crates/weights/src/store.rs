//! The files on this machine: where each lies, and whether it is what it should be.

use std::path::{Path, PathBuf};

use crate::catalog::{FileEntry, HubFile, Source};
use crate::config::StoreConfig;
use crate::digest;
use crate::http::Client;
use crate::hub::is_sha256;
use crate::hub_cache::HubCache;
use crate::lock::FileLock;
use crate::store_error::StoreError;

/// Finds, fetches and verifies upstream files.
#[derive(Debug)]
pub struct Store {
    pub(crate) config: StoreConfig,
    pub(crate) client: Client,
}

/// A file that was read from end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// What that hash was compared with.
    pub against: Reference,
}

/// What is known of a file's content beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The catalogue's hash; it matches.
    Catalogue,
    /// The first digits of a hash, which are all that upstream publishes; they match.
    FirstDigits,
    /// The hash under which the Hub keeps it; it matches.
    Hub,
    /// Nothing: upstream publishes no hash.
    Nothing,
    /// Nothing: a `.safetensors` stands for upstream's file in the weights directory.
    StandIn,
}

impl Store {
    /// A store with these settings. Touches neither disk nor network.
    #[must_use]
    pub fn new(config: StoreConfig) -> Self {
        let client = Client::new(&config);
        Self { config, client }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Where the file lies on this machine. Never uses the network, reads nothing but its length.
    ///
    /// # Errors
    /// [`StoreError::Absent`] or [`StoreError::AbsentFromDir`] when it is not here,
    /// [`StoreError::Damaged`] when what is here has another length than the catalogue says.
    pub fn locate(&self, entry: &FileEntry) -> Result<PathBuf, StoreError> {
        self.find(entry).map(|(path, _)| path)
    }

    /// The path, and whether it is a stand-in for upstream's own file.
    pub(crate) fn find(&self, entry: &FileEntry) -> Result<(PathBuf, bool), StoreError> {
        let FileEntry {
            model, path: file, ..
        } = *entry;
        let path = match (&self.config.weights_dir, entry.source) {
            (Some(dir), _) => {
                let path = dir.join(file);
                let stand_in = stand_in(&path).filter(|other| !path.is_file() && other.is_file());
                if let Some(stand_in) = stand_in {
                    return Ok((stand_in, true));
                }
                path
            }
            (None, Source::Url(_)) => self.config.cache_dir.join(file),
            (
                None,
                Source::Hub(HubFile {
                    repo,
                    revision,
                    file: name,
                }),
            ) => {
                let cached = HubCache::new(&self.config.hub_cache, repo).find(revision, name);
                cached.ok_or(StoreError::Absent { model, file })?
            }
        };
        let found = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            _ => {
                return Err(match &self.config.weights_dir {
                    Some(dir) => StoreError::AbsentFromDir {
                        model,
                        file,
                        dir: dir.clone(),
                    },
                    None => StoreError::Absent { model, file },
                });
            }
        };
        match entry.bytes {
            Some(expected) if expected != found => {
                let reason = format!("it has {found} bytes, expected {expected}");
                Err(StoreError::Damaged {
                    model,
                    path,
                    reason,
                })
            }
            _ => Ok((path, false)),
        }
    }

    /// Reads the file from disk, end to end, and compares its hash with what is known.
    ///
    /// # Errors
    /// As [`Store::locate`]; [`StoreError::Damaged`] also when the content is another.
    pub fn verify(&self, entry: &FileEntry) -> Result<Verified, StoreError> {
        let (path, is_stand_in) = self.find(entry)?;
        let (bytes, found) = digest::of_file(&path)?;
        let blob = path.canonicalize().map_err(StoreError::io("read", &path))?;
        let blob = blob
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| is_sha256(name));
        let (expected, against) = match (entry.sha256, blob) {
            _ if is_stand_in => (None, Reference::StandIn),
            (Some(sha256), _) if is_sha256(sha256) => (Some(sha256), Reference::Catalogue),
            (Some(digits), _) => (Some(digits), Reference::FirstDigits),
            (None, Some(name)) => (Some(name), Reference::Hub),
            (None, None) => (None, Reference::Nothing),
        };
        match expected {
            Some(expected) if !digest::matches(&found, expected) => {
                let reason = format!("its sha256 is {found}, expected {expected}");
                Err(StoreError::Damaged {
                    model: entry.model,
                    path,
                    reason,
                })
            }
            _ => Ok(Verified {
                path,
                bytes,
                sha256: found,
                against,
            }),
        }
    }

    /// Where files of plain URLs go, and with a weights directory all files.
    fn plain_root(&self) -> &Path {
        self.config
            .weights_dir
            .as_ref()
            .unwrap_or(&self.config.cache_dir)
    }

    pub(crate) fn plain_path(&self, entry: &FileEntry) -> PathBuf {
        self.plain_root().join(entry.path)
    }

    pub(crate) fn plain_lock(&self, entry: &FileEntry) -> PathBuf {
        FileLock::path(self.plain_root(), entry.path)
    }
}

/// The safetensors file that may stand for a `.pt` or `.pth`, or for transformers' `pytorch_model.bin`.
pub(crate) fn stand_in(path: &Path) -> Option<PathBuf> {
    if path.file_name()? == "pytorch_model.bin" {
        return Some(path.with_file_name("model.safetensors"));
    }
    let extension = path.extension()?;
    (extension == "pt" || extension == "pth").then(|| path.with_extension("safetensors"))
}

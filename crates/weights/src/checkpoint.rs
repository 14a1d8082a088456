//! A weights file opened for strict reading: every tensor in it is read, or ignored with a reason,
//! or [`Checkpoint::finish`] fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::file_bytes::FileBytes;
use crate::pth;
use crate::safetensors;
use crate::scope::Scope;
use crate::stored_tensor::{Dtype, StoredTensor};

/// The metadata that marks a checkpoint of seeded numbers.
pub(crate) const UNTRAINED: &str = "image_embed.untrained";

/// What can be wrong with a weights file or with the way a model reads it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be opened or mapped.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is not a checkpoint this crate reads: damaged, another format, or asking for
    /// something a state dict has no use for.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model needs a tensor that the file has not.
    #[error("{}: no tensor '{tensor}' (expected shape {expected:?})", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Full name of the tensor.
        tensor: String,
        /// The shape the model asked for.
        expected: Vec<usize>,
    },
    /// The tensor's shape is not the one the model asked for.
    #[error(
        "{}: tensor '{tensor}' has shape {found:?}, expected {expected:?}",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Full name of the tensor.
        tensor: String,
        /// The shape the model asked for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The tensor's element type is not one the model can use.
    #[error("{}: tensor '{tensor}' has type {found}, expected {expected}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// Full name of the tensor.
        tensor: String,
        /// The types that would do.
        expected: &'static str,
        /// The type in the file.
        found: Dtype,
    },
    /// Tensors of the file that the model neither read nor ignored.
    #[error("{}: {} of its tensors not used by this model: {}", path.display(), tensors.len(),
        tensors.join(", "))]
    Unread {
        /// The file.
        path: PathBuf,
        /// Full names, sorted.
        tensors: Vec<String>,
    },
}

/// What a reader of a format found in a file: tensors by name, and free-form metadata.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// What became of a tensor since the file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Ignored(&'static str),
}

/// An upstream weights file: named tensors, read strictly.
///
/// Tensors are converted when they are read; until then the file is only mapped.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    bytes: FileBytes,
    contents: Contents,
    uses: Mutex<BTreeMap<String, Use>>,
}

impl Checkpoint {
    /// Opens a safetensors file or a PyTorch `.pt`/`.pth` file (zip or the older stream). The format
    /// is told by the content, not by the name.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] when the file cannot be mapped, [`CheckpointError::Format`] when it is
    /// damaged or holds anything but a flat state dict.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = FileBytes::map(path).map_err(|source| CheckpointError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path.to_owned(), bytes)
    }

    /// The same for bytes in memory; `name` stands for the path in errors.
    ///
    /// # Errors
    /// [`CheckpointError::Format`] as for [`Checkpoint::open`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        Self::parse(PathBuf::from(name), FileBytes::owned(bytes))
    }

    fn parse(path: PathBuf, bytes: FileBytes) -> Result<Self, CheckpointError> {
        let parsed = if pth::looks_like_torch(&bytes) {
            pth::read(&bytes)
        } else {
            safetensors::read(&bytes)
        };
        match parsed {
            Ok(contents) => Ok(Self {
                path,
                bytes,
                contents,
                uses: Mutex::default(),
            }),
            Err(reason) => Err(CheckpointError::Format { path, reason }),
        }
    }

    /// The scope of the whole file.
    #[must_use]
    pub fn root(&self) -> Scope<'_> {
        Scope::root(self)
    }

    /// The path it was opened from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Free-form metadata (`__metadata__` of a safetensors file; empty for PyTorch files).
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.contents.metadata
    }

    /// Whether the file says of itself that its numbers were never trained ([`crate::seed`]): what
    /// a model answers with them means nothing.
    #[must_use]
    pub fn untrained(&self) -> bool {
        self.metadata()
            .get(UNTRAINED)
            .is_some_and(|value| value == "true")
    }

    /// Every tensor of the file, sorted by name: name, element type, shape.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Dtype, &[usize])> {
        self.contents
            .tensors
            .iter()
            .map(|(name, t)| (name.as_str(), t.dtype, t.shape.as_slice()))
    }

    /// Tensors that were ignored, with the reason given, sorted by name.
    #[must_use]
    pub fn ignored(&self) -> Vec<(String, &'static str)> {
        let uses = self.uses();
        let ignored = uses.iter().filter_map(|(name, used)| match used {
            Use::Ignored(reason) => Some((name.clone(), *reason)),
            Use::Read => None,
        });
        ignored.collect()
    }

    /// Ends the reading: a tensor that was neither read nor ignored is an error, because a model
    /// that leaves weights aside is not the model the file was made for.
    ///
    /// # Errors
    /// [`CheckpointError::Unread`] with every such tensor.
    pub fn finish(&self) -> Result<(), CheckpointError> {
        let uses = self.uses();
        let tensors: Vec<String> = self
            .contents
            .tensors
            .keys()
            .filter(|name| !uses.contains_key(*name))
            .cloned()
            .collect();
        if tensors.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Unread {
            path: self.path.clone(),
            tensors,
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn stored(&self, name: &str) -> Option<&StoredTensor> {
        self.contents.tensors.get(name)
    }

    /// The tensor, with its shape checked, marked as read.
    pub(crate) fn take(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<(&StoredTensor, &[u8]), CheckpointError> {
        let Some(stored) = self.stored(name) else {
            return Err(CheckpointError::Missing {
                path: self.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_owned(),
            });
        };
        if stored.shape != shape {
            return Err(CheckpointError::Shape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_owned(),
                found: stored.shape.clone(),
            });
        }
        self.uses().insert(name.to_owned(), Use::Read);
        Ok((stored, &self.bytes))
    }

    /// Marks what `pattern` names and nobody read yet: one tensor, or with a final `*` every tensor
    /// that starts with what comes before it.
    pub(crate) fn ignore(&self, pattern: &str, reason: &'static str) {
        let mut uses = self.uses();
        for name in self.contents.tensors.keys() {
            let named = match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            };
            if named {
                uses.entry(name.clone()).or_insert(Use::Ignored(reason));
            }
        }
    }

    fn uses(&self) -> MutexGuard<'_, BTreeMap<String, Use>> {
        // A panic while the lock was held can at worst leave a mark unset; finish() then says so.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What can go wrong with files on their way here, as its user reads it.

use std::path::PathBuf;

/// Why a file is not, or cannot be, on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is not in the cache.
    #[error("{model}: {file} is not on this machine; run 'image-embed models pull {model}'")]
    Absent {
        /// The model it belongs to.
        model: &'static str,
        /// Its path in a weights directory.
        file: &'static str,
    },
    /// The file is not in the weights directory, the only place looked at.
    #[error(
        "{model}: {file} is not in the weights directory {}; put it there, or run \
         'image-embed models pull {model} --weights-dir {}'", dir.display(), dir.display()
    )]
    AbsentFromDir {
        /// The model it belongs to.
        model: &'static str,
        /// Its path in a weights directory.
        file: &'static str,
        /// The weights directory.
        dir: PathBuf,
    },
    /// The file would have to be downloaded, but the network must not be used.
    #[error(
        "{model}: {file} is not on this machine and offline mode is on; run 'image-embed models pull \
         {model}' without --offline and HF_HUB_OFFLINE, or serve a weights directory with --weights-dir"
    )]
    Offline {
        /// The model it belongs to.
        model: &'static str,
        /// Its path in a weights directory.
        file: &'static str,
    },
    /// A file on this machine is cut, changed or of another version.
    #[error(
        "{model}: {} is damaged: {reason}; run 'image-embed models pull {model}' to fetch it again",
        path.display()
    )]
    Damaged {
        /// The model it belongs to.
        model: &'static str,
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// A file on offer has another length than it should.
    #[error("{place} has {found} bytes, expected {expected}")]
    Length {
        /// A path or a URL.
        place: String,
        /// Length in the catalogue.
        expected: u64,
        /// Length found.
        found: u64,
    },
    /// A file on offer has another content than it should. What was downloaded is removed.
    #[error("{place} has the sha256 {found}, expected {expected}")]
    Hash {
        /// A path or a URL.
        place: String,
        /// Hash in the catalogue, hexadecimal.
        expected: String,
        /// Hash found, hexadecimal.
        found: String,
    },
    /// A transfer broke and repeating it did not help.
    #[error(
        "cannot download {url}: {reason}; got {got} of {} bytes after {attempts} attempts",
        expected.map_or_else(|| "an unknown number of".to_owned(), |bytes| bytes.to_string())
    )]
    Transfer {
        /// What was asked for.
        url: String,
        /// How the last attempt broke.
        reason: String,
        /// Bytes on disk when it was given up.
        got: u64,
        /// Bytes of the whole file, if known.
        expected: Option<u64>,
        /// Attempts made.
        attempts: u32,
    },
    /// A server refused in a way that repeating does not change.
    #[error("cannot download {url}: {reason}")]
    Refused {
        /// What was asked for.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// The Hub wants a token, or one that has been granted access.
    #[error(
        "no access to {endpoint}/{repo} (status {status}): if it is gated, accept its terms there, \
         then set HF_TOKEN to a token that may read it{}",
        if *had_token { " (the token that was sent may not)" } else { " (no token was set)" }
    )]
    Gated {
        /// Root of the Hub.
        endpoint: String,
        /// `owner/name`.
        repo: &'static str,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        had_token: bool,
    },
    /// The Hub has no such file, revision or repository.
    #[error("{endpoint} has no file '{file}' at revision '{revision}' of '{repo}'")]
    NotOnHub {
        /// Root of the Hub.
        endpoint: String,
        /// `owner/name`.
        repo: &'static str,
        /// Commit, branch or tag.
        revision: &'static str,
        /// Path within the repository.
        file: &'static str,
    },
    /// A file was offered for adoption that cannot be taken in.
    #[error("cannot adopt {}: {reason}", path.display())]
    Adopt {
        /// The offered file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// Something that is no seeded checkpoint lies where one should go.
    #[error(
        "{} is not a seeded checkpoint and is left as it is; move it away, or seed another folder",
        path.display()
    )]
    NotUntrained {
        /// The file.
        path: PathBuf,
    },
    /// The file has no seeded form.
    #[error("{model}: nothing says how to seed {file}")]
    NoSeed {
        /// The model it belongs to.
        model: &'static str,
        /// Its path in a weights directory.
        file: &'static str,
    },
    /// The file system failed. What had been written is removed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `write`, `lock`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Nothing in the environment says where files could be kept.
    #[error("nowhere to keep weights: set IMAGE_EMBED_CACHE_DIR, XDG_CACHE_HOME or HOME")]
    NoHome,
}

impl StoreError {
    /// Turns an I/O error into one that says what was done to which file.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

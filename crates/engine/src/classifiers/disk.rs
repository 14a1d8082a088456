//! What following a folder asks of the disk. Tests have disks that fail and disks that hang.

use std::fmt::Debug;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

use super::error::ClassifierError;
use super::regular_file::read_regular_file;

/// What tells whether a file is another than before: date, length and, where there is one, inode, as files are renamed into
/// place, and that may happen twice within a tick of the file system's clock. None: there is no file.
pub(super) type Signature = Option<(SystemTime, u64, u64)>;

/// Looks at files and reads them.
pub(super) trait Disk: Debug + Send + Sync {
    /// The file's signature.
    fn signature(&self, path: &Path) -> Result<Signature, Error>;

    /// The file's content.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ClassifierError>;
}

/// The disk that there is.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn signature(&self, path: &Path) -> Result<Signature, Error> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Some((metadata.modified()?, metadata.len(), inode)))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ClassifierError> {
        read_regular_file(path)
    }
}

//! Reading small files of a folder that may hold anything: what is no regular file is never opened, as a named pipe keeps its reader
//! until somebody writes.

use std::fs::{File, FileType, Metadata};
use std::io::Read as _;
use std::path::Path;

use super::error::ClassifierError;

/// The largest file that is read. A classifier of 1,280 numbers has 11 KB.
const MAX_BYTES: u64 = 16 << 20;

/// The file's content, which has at most [`MAX_BYTES`].
pub(super) fn read_regular_file(path: &Path) -> Result<Vec<u8>, ClassifierError> {
    let io = |action| ClassifierError::io(action, path);
    require_regular(path, &std::fs::metadata(path).map_err(io("look at"))?)?;
    let file = open(path).map_err(io("open"))?;
    // Another may have taken its place since.
    require_regular(path, &file.metadata().map_err(io("look at"))?)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io("read"))?;
    if bytes.len() as u64 > MAX_BYTES {
        let reason = format!("it has more than {MAX_BYTES} bytes");
        return Err(ClassifierError::format(path, reason));
    }
    Ok(bytes)
}

/// Opens without waiting: a pipe that has taken the file's place is open at once, and seen for what it is.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

/// Fails if something else is in the file's place.
pub(super) fn require_regular(path: &Path, metadata: &Metadata) -> Result<(), ClassifierError> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(ClassifierError::NotRegular {
        path: path.to_owned(),
        found: in_words(metadata.file_type()),
    })
}

fn in_words(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else {
        "of another kind"
    }
}

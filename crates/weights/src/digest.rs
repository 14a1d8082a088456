//! SHA-256 of files, in hexadecimal.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::store_error::StoreError;

pub(crate) fn hex(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether `found`, a whole hash, is the expected one, of which only the first digits may be known.
pub(crate) fn matches(found: &str, expected: &str) -> bool {
    found.starts_with(expected)
}

/// Feeds all that is left of `file` to `digest`, and counts it.
pub(crate) fn absorb(file: &mut File, digest: &mut Sha256) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(length),
            read => {
                digest.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}

/// Length and hash of a file on disk.
pub(crate) fn of_file(path: &Path) -> Result<(u64, String), StoreError> {
    let mut digest = Sha256::new();
    let length = File::open(path)
        .and_then(|mut file| absorb(&mut file, &mut digest))
        .map_err(StoreError::io("read", path))?;
    Ok((length, hex(digest)))
}

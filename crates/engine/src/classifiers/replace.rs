//! A file gets its content whole or not at all, whatever happens meanwhile.

use std::fs::{File, rename};
use std::io::Write as _;
use std::path::Path;

use super::error::ClassifierError;

/// Names of files on their way begin with this. Each is written anew, so what a killed process left does no harm.
pub(super) const INCOMPLETE: &str = ".incomplete-";

/// Writes `content` beside `path`, and gives it that name once it is on disk. Whoever reads `path` sees what was there before or
/// the new content. The caller holds the folder's lock.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), ClassifierError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let incomplete = path.with_file_name(format!("{INCOMPLETE}{name}"));
    let written = File::create(&incomplete).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written
        .and_then(|()| rename(&incomplete, path))
        .map_err(ClassifierError::io("write", path))?;
    // The new name is in the folder; not every system can sync one, and none loses the content.
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        let _ = folder.sync_all();
    }
    Ok(())
}

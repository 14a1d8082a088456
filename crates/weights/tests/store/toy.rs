//! Stores and catalogue entries for tests.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use weights::{FileEntry, Source, StoreConfig};

/// A store that keeps everything below `root` and does not wait long.
pub(crate) fn config(root: &Path) -> StoreConfig {
    let root = root.to_str().expect("UTF-8").to_owned();
    let config = StoreConfig::from_variables(|name| (name == "HOME").then(|| root.clone()));
    StoreConfig {
        backoff: Duration::from_millis(1),
        ..config.expect("HOME is set")
    }
}

pub(crate) fn sha256(content: &[u8]) -> &'static str {
    let digest: String = Sha256::digest(content)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    digest.leak()
}

/// Content that no two offsets share.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_le_bytes).take(bytes).collect()
}

/// An entry that knows its content.
pub(crate) fn entry(url: String, content: &[u8]) -> FileEntry {
    FileEntry {
        model: "toy",
        path: "owner/toy.pt",
        source: Source::Url(url.leak()),
        sha256: Some(sha256(content)),
        bytes: Some(content.len() as u64),
    }
}

/// Every file below `root`, as relative paths, sorted; lock files left out.
pub(crate) fn files(root: &Path) -> Vec<String> {
    fn walk(root: &Path, directory: &Path, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.is_symlink() {
                walk(root, &path, found);
            } else if path.extension().is_none_or(|extension| extension != "lock") {
                let relative = path.strip_prefix(root).expect("below root");
                found.push(relative.to_str().expect("UTF-8").to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

//! Real weights and photographs, for whichever tests want them.

use std::path::{Path, PathBuf};

/// A file that `make assets` puts in place. Its absence fails the test: a skipped comparison proves nothing.
pub(crate) fn asset(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/assets")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make assets` (`make test` does)",
        path.display()
    );
    path
}

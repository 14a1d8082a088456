//! What a download tells whoever waits for it. Nothing in this crate prints.

/// Listens to one download.
pub trait Progress {
    /// It starts, or starts again from the beginning after a failure; `total` in bytes, if known.
    fn started(&self, total: Option<u64>) {
        let _ = total;
    }
    /// That many more bytes are on disk (those of an earlier, broken download included).
    fn advanced(&self, bytes: u64) {
        let _ = bytes;
    }
    /// The file is complete and verified.
    fn finished(&self) {}
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

//! Memory that is needed while a layer runs, kept for the next one.
//!
//! It is nobody's own: what is kept is as much as layers run at a time, however many threads there are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::buffer::Words;

/// Pieces that are kept, at most.
const PIECES: usize = 4;
/// Bytes of a piece that is kept, at most: what is larger is needed by few layers, once in a while.
const PIECE_BYTES: usize = 10 << 20;

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

struct Kept(Mutex<Vec<Words>>);

/// The piece that was used last, if there is one: it may still be in a cache.
pub(crate) fn take() -> Words {
    KEPT.take()
}

/// To be called with what [`take`] gave, after use.
pub(crate) fn keep(words: Words) {
    KEPT.keep(words);
}

impl Kept {
    fn pieces(&self) -> MutexGuard<'_, Vec<Words>> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Words {
        self.pieces().pop().unwrap_or_default()
    }

    fn keep(&self, words: Words) {
        let mut pieces = self.pieces();
        if pieces.len() < PIECES && words.bytes() <= PIECE_BYTES {
            pieces.push(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_bytes(kept: &Kept) -> usize {
        kept.pieces().iter().map(Words::bytes).sum()
    }

    #[test]
    fn no_more_is_kept_than_is_said() {
        let kept = Kept(Mutex::new(Vec::new()));
        for bytes in [1, PIECE_BYTES, PIECE_BYTES + 64, 40 << 20] {
            let mut taken: Vec<Words> = (0..100).map(|_| kept.take()).collect();
            for mut words in taken.drain(..) {
                words.at_least(bytes / 4);
                kept.keep(words);
            }
            assert!(kept.pieces().len() <= PIECES);
            assert!(kept_bytes(&kept) <= PIECES * PIECE_BYTES);
        }
    }

    #[test]
    fn a_piece_is_used_again() {
        let kept = Kept(Mutex::new(Vec::new()));
        let mut words = kept.take();
        let address = words.at_least(1000).as_ptr();
        kept.keep(words);
        assert_eq!(kept.take().at_least(500).as_ptr(), address);
        assert!(kept.pieces().is_empty());
    }
}

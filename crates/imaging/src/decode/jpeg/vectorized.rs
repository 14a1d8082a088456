//! The loop over all blocks, compiled once for each kind of processor.

use pulp::{Simd, WithSimd};

use super::frame::Frame;
use super::scan::Scan;
use super::walk::{Blocks, Entropy, walk};
use crate::DecodeError;

/// Decodes a scan; returns the last row of minimum coded units that had data.
pub(super) struct Walk<'a, E, B> {
    pub(super) scan: &'a Scan,
    pub(super) frame: &'a Frame,
    pub(super) restart_interval: usize,
    pub(super) entropy: &'a mut E,
    pub(super) blocks: &'a mut B,
}

impl<'f, E: Entropy<'f>, B: Blocks<E>> WithSimd for Walk<'_, E, B> {
    type Output = Result<usize, DecodeError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let Self {
            scan,
            frame,
            restart_interval,
            entropy,
            blocks,
        } = self;
        walk(scan, frame, restart_interval, entropy, blocks)
    }
}

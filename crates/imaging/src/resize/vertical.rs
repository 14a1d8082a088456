use fearless_simd::Simd;

use super::dot::{Weights, dot};
use super::quads::{LANES, Quads};

/// Blends rows of quads, each of `stride`, into one row of samples.
#[inline(always)]
pub(super) fn blend<S: Simd>(
    simd: S,
    quads: &[Quads],
    stride: usize,
    weights: &[Weights],
    out: &mut [u8],
) {
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let samples = dot(simd, &quads[block..], stride, weights);
        out.copy_from_slice(&samples[..out.len()]);
    }
}

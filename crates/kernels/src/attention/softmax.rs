//! The softmax of a row of scores that lie side by side.

#![expect(unsafe_code, reason = "vector loads and stores")]

use crate::activation::exp_not_above_0;
use crate::lanes::Lanes;

/// Scores to the numerators of their softmax; the denominator is returned. Only the first `seen` of `scores` count, whose
/// length is whole vectors; the others become 0.
#[inline(always)]
pub(super) fn softmax<L: Lanes>(lanes: L, scores: &mut [f32], seen: usize) -> f32 {
    let mut highest = lanes.splat(f32::MIN);
    for chunk in scores.chunks_exact(L::COUNT) {
        // SAFETY: the chunk is one vector.
        highest = lanes.max(unsafe { lanes.load(chunk.as_ptr()) }, highest);
    }
    // NaN is passed over here, and comes back in the exponential below.
    let highest = lanes.parts(highest);
    let largest = highest[..L::COUNT].iter().copied().fold(f32::MIN, f32::max);
    let largest = lanes.splat(largest);
    let mut total = lanes.splat(0.0);
    for (chunk, first) in scores
        .chunks_exact_mut(L::COUNT)
        .zip((0..).step_by(L::COUNT))
    {
        let used = L::COUNT.min(seen.saturating_sub(first));
        // SAFETY: the chunk is one vector.
        unsafe {
            let score = lanes.sub(lanes.load(chunk.as_ptr()), largest);
            lanes.store(chunk.as_mut_ptr(), exp_not_above_0(lanes, score));
            chunk[used..].fill(0.0);
            total = lanes.add(total, lanes.load(chunk.as_ptr()));
        }
    }
    lanes.parts(total).into_iter().sum()
}

//! The normaliser of a row of scores.

#![expect(unsafe_code, reason = "vector loads")]

use crate::Isa;
use crate::activation::exp_not_above_0;
use crate::lanes::{Lanes, MOST_LANES};
use crate::product::WithLanes;

/// The logarithm of the sum of `exp(score)`: what scores lack to be logarithms of probabilities, negated. NaN where a score is
/// NaN or infinity; of no scores it is minus infinity.
#[must_use]
pub fn log_sum_exp(isa: Isa, scores: &[f32]) -> f32 {
    isa.with_lanes(LogSumExp(scores))
}

struct LogSumExp<'a>(&'a [f32]);

impl WithLanes for LogSumExp<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        let (vectors, rest) = self.0.split_at(self.0.len() / L::COUNT * L::COUNT);
        // Behind the last score stands what adds nothing.
        let mut last = [f32::NEG_INFINITY; MOST_LANES];
        last[..rest.len()].copy_from_slice(rest);
        let vectors = || vectors.chunks_exact(L::COUNT).chain([&last[..L::COUNT]]);
        let mut highest = lanes.splat(f32::NEG_INFINITY);
        for scores in vectors() {
            // SAFETY: every slice is one vector.
            highest = lanes.max(unsafe { lanes.load(scores.as_ptr()) }, highest);
        }
        // NaN is passed over here, and comes back in the exponentials below.
        let largest = lanes.parts(highest)[..L::COUNT]
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        if largest == f32::NEG_INFINITY && self.0.iter().all(|x| !x.is_nan()) {
            return largest;
        }
        let mut total = lanes.splat(0.0);
        for scores in vectors() {
            // SAFETY: every slice is one vector.
            let scores = unsafe { lanes.load(scores.as_ptr()) };
            let exp = exp_not_above_0(lanes, lanes.sub(scores, lanes.splat(largest)));
            total = lanes.add(total, exp);
        }
        largest + lanes.parts(total).into_iter().sum::<f32>().ln()
    }
}

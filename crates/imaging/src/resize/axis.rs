use fearless_simd::Level;

use super::coefficients::Coefficients;
use super::dot::{Weights, digits};

/// What each target position takes from which quads of source positions, for one axis.
pub(super) struct Axis {
    /// Per target position: its first quad, and where its quads' weights end.
    spans: Vec<(usize, usize)>,
    weights: Vec<Weights>,
}

impl Axis {
    /// The same sums as `coefficients` make, of quads that are counted from source position `base` on.
    pub(super) fn new(coefficients: &Coefficients, base: usize, level: Level) -> Self {
        let mut spans = Vec::new();
        let mut weights = Vec::new();
        for (first, own) in coefficients.iter() {
            let (quad, before) = ((first - base) / 4, (first - base) % 4);
            let mut quads = vec![[0; 4]; (before + own.len()).div_ceil(4)];
            quads.as_flattened_mut()[before..][..own.len()].copy_from_slice(own);
            weights.extend(quads.into_iter().map(|quad| digits(level, quad)));
            spans.push((quad, weights.len()));
        }
        Self { spans, weights }
    }

    /// Target positions.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The first quad and the weights of the target position `at`.
    #[inline(always)]
    pub(super) fn span(&self, at: usize) -> (usize, &[Weights]) {
        let start = at.checked_sub(1).map_or(0, |before| self.spans[before].1);
        let (quad, end) = self.spans[at];
        (quad, &self.weights[start..end])
    }

    /// Most quads that a target position takes.
    pub(super) fn longest(&self) -> usize {
        let longest = (0..self.len()).map(|at| self.span(at).1.len()).max();
        longest.unwrap_or(0)
    }
}

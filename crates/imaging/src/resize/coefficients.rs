use std::ops::Range;

use super::Filter;

/// Fraction bits of a coefficient: an 8-bit sample times a coefficient, summed with an overshoot
/// of up to a factor of two, still fits 32 bits.
pub(super) const PRECISION_BITS: u32 = 32 - 8 - 2;

/// Half of a result's last place, so that the shift in [`to_sample`] rounds.
pub(super) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// A sum of samples times coefficients, back to 8 bits.
#[inline(always)]
pub(super) fn to_sample(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// What each target position takes from which source positions, for one axis.
pub(super) struct Coefficients {
    /// Per target position: its first source position, and how many it takes.
    spans: Vec<(usize, usize)>,
    /// `[target length, taps]`, zero behind a position's own count.
    weights: Vec<i32>,
    taps: usize,
}

impl Coefficients {
    /// The coefficients that take `source` positions to `target` positions, for those in `window`.
    pub(super) fn new(source: usize, target: usize, window: Range<usize>, filter: Filter) -> Self {
        let scale = source as f64 / target as f64;
        // Shrinking widens the kernel to the target's grid: that is the antialiasing.
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let taps = support.ceil() as usize * 2 + 1;

        let mut spans = Vec::with_capacity(window.len());
        let mut weights = vec![0; window.len() * taps];
        let mut kernel = Vec::with_capacity(taps);
        for (position, weights) in window.zip(weights.chunks_exact_mut(taps)) {
            let center = (position as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(source);
            let inverse = 1.0 / stretch;
            kernel.clear();
            kernel.extend((first..end).map(|x| filter.weight((x as f64 - center + 0.5) * inverse)));
            let sum: f64 = kernel.iter().sum();
            for (weight, value) in weights.iter_mut().zip(&kernel) {
                let share = if sum == 0.0 { *value } else { value / sum };
                let scaled = share * f64::from(1_u32 << PRECISION_BITS);
                // Rounded half away from zero, as a cast that truncates does it.
                *weight = (if share < 0.0 {
                    scaled - 0.5
                } else {
                    scaled + 0.5
                }) as i32;
            }
            spans.push((first, end - first));
        }
        Self {
            spans,
            weights,
            taps,
        }
    }

    /// Per target position: its first source position, and its weights for that and the next ones.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let weights = self.weights.chunks_exact(self.taps);
        self.spans
            .iter()
            .zip(weights)
            .map(|(&(first, count), weights)| (first, &weights[..count]))
    }

    /// The source positions that any target position takes something from.
    pub(super) fn used(&self) -> Range<usize> {
        let start = self.spans.first().map_or(0, |&(first, _)| first);
        let end = self.spans.last().map_or(0, |&(first, count)| first + count);
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_weighs_one_in_all() {
        for filter in [
            Filter::Box,
            Filter::Bilinear,
            Filter::Bicubic,
            Filter::Lanczos,
        ] {
            for (source, target) in [(1, 1), (1, 9), (7, 3), (1000, 1), (224, 1024), (1024, 224)] {
                let coefficients = Coefficients::new(source, target, 0..target, filter);
                assert_eq!(coefficients.iter().count(), target);
                for (first, weights) in coefficients.iter() {
                    assert!(first + weights.len() <= source && !weights.is_empty());
                    // Each weight is rounded on its own, so that the sum may be off by some steps.
                    let error = weights.iter().sum::<i32>() - (1 << PRECISION_BITS);
                    assert!(
                        error.unsigned_abs() as usize <= weights.len(),
                        "{filter:?} {error}"
                    );
                }
            }
        }
    }

    #[test]
    fn bilinear_halving_takes_four_pixels() {
        let halving = Coefficients::new(8, 4, 0..4, Filter::Bilinear);
        let eighth = 1 << (PRECISION_BITS - 3);
        let inner: Vec<_> = halving.iter().collect();
        assert_eq!(inner[1], (1, &[eighth, 3 * eighth, 3 * eighth, eighth][..]));
    }
}

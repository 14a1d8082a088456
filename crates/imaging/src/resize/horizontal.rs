use pulp::{Arch, Simd, WithSimd};

use super::coefficients::{Coefficients, HALF, to_sample};

/// Pixels multiplied at a time, four samples each (the fourth is padding).
const PIXELS: usize = 4;
const LANES: usize = PIXELS * 4;

/// One target pixel's weights, each repeated for the four samples of its pixel, zero-filled to
/// whole groups of [`PIXELS`].
struct Tap<'a> {
    first: usize,
    weights: &'a [[i32; LANES]],
}

/// Sums runs of pixels in each row of `source` into the pixels of `target`'s rows.
pub(super) fn pass(
    source: &[u8],
    source_stride: usize,
    target: &mut [u8],
    target_stride: usize,
    coefficients: &Coefficients,
) {
    let groups = coefficients.longest().div_ceil(PIXELS);
    let mut repeated = Vec::new();
    let mut firsts = Vec::new();
    for (first, weights) in coefficients.iter() {
        firsts.push(first);
        let start = repeated.len();
        repeated.resize(start + groups, [0; LANES]);
        for (tap, &weight) in weights.iter().enumerate() {
            repeated[start + tap / PIXELS][tap % PIXELS * 4..][..4].fill(weight);
        }
    }
    let taps: Vec<Tap> = firsts
        .iter()
        .zip(repeated.chunks_exact(groups))
        .map(|(&first, weights)| Tap { first, weights })
        .collect();

    // The row with its pixels padded to four samples; the zeros behind it meet zero weights.
    let mut padded = vec![0; source_stride / 3 * 4 + groups * LANES];
    let arch = Arch::new();
    for (row, out) in source
        .chunks_exact(source_stride)
        .zip(target.chunks_exact_mut(target_stride))
    {
        arch.dispatch(SumRuns {
            row,
            padded: &mut padded,
            taps: &taps,
            out,
        });
    }
}

/// One row; compiled for each kind of processor.
struct SumRuns<'a> {
    row: &'a [u8],
    padded: &'a mut [u8],
    taps: &'a [Tap<'a>],
    out: &'a mut [u8],
}

impl WithSimd for SumRuns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (pixels, _) = self.padded.as_chunks_mut::<4>();
        for (to, from) in pixels.iter_mut().zip(self.row.as_chunks::<3>().0) {
            *to = [from[0], from[1], from[2], 0];
        }
        sum_runs(self.padded, self.taps, self.out);
    }
}

#[inline(always)]
fn sum_runs(padded: &[u8], taps: &[Tap<'_>], out: &mut [u8]) {
    for (pixel, tap) in out.as_chunks_mut::<3>().0.iter_mut().zip(taps) {
        let mut sums = [0; LANES];
        let run = padded[tap.first * 4..].as_chunks::<LANES>().0;
        for (samples, weights) in run.iter().zip(tap.weights) {
            for lane in 0..LANES {
                sums[lane] += i32::from(samples[lane]) * weights[lane];
            }
        }
        for (channel, sample) in pixel.iter_mut().enumerate() {
            let sum: i32 = (0..PIXELS).map(|pixel| sums[pixel * 4 + channel]).sum();
            *sample = to_sample(HALF + sum);
        }
    }
}

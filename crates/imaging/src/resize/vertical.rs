use pulp::{Arch, Simd, WithSimd};

use super::coefficients::{Coefficients, HALF, to_sample};

/// Samples summed at a time: enough for two registers of the widest kind, and still in registers
/// of the narrower kind.
const LANES: usize = 32;

/// Sums whole rows of `source`, whose first row is row `first_row` of the image, into each row of
/// `target`. Rows are `stride` bytes long in both.
pub(super) fn pass(
    source: &[u8],
    first_row: usize,
    target: &mut [u8],
    stride: usize,
    coefficients: &Coefficients,
) {
    let arch = Arch::new();
    for (out, (first, weights)) in target.chunks_exact_mut(stride).zip(coefficients.iter()) {
        let rows = &source[(first - first_row) * stride..][..weights.len() * stride];
        arch.dispatch(BlendRows {
            rows,
            stride,
            weights,
            out,
        });
    }
}

/// One target row; compiled for each kind of processor.
struct BlendRows<'a> {
    rows: &'a [u8],
    stride: usize,
    weights: &'a [i32],
    out: &'a mut [u8],
}

impl WithSimd for BlendRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        blend_rows(self.rows, self.stride, self.weights, self.out);
    }
}

/// `out[x] = sum over t of rows[t][x] * weights[t]`, rounded.
#[inline(always)]
fn blend_rows(rows: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
    let (blocks, rest) = out.as_chunks_mut::<LANES>();
    let rest_start = blocks.len() * LANES;
    for (index, block) in blocks.iter_mut().enumerate() {
        let mut sums = [HALF; LANES];
        for (row, &weight) in rows.chunks_exact(stride).zip(weights) {
            let Some(samples) = row[index * LANES..].first_chunk::<LANES>() else {
                continue;
            };
            for (sum, &sample) in sums.iter_mut().zip(samples) {
                *sum += i32::from(sample) * weight;
            }
        }
        for (sample, &sum) in block.iter_mut().zip(&sums) {
            *sample = to_sample(sum);
        }
    }
    for (offset, sample) in rest.iter_mut().enumerate() {
        let column = rows[rest_start + offset..].iter().step_by(stride);
        let sum: i32 = column
            .zip(weights)
            .map(|(&s, &weight)| i32::from(s) * weight)
            .sum();
        *sample = to_sample(HALF + sum);
    }
}

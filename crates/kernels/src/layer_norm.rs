//! Layer normalisation.

#![expect(unsafe_code, reason = "vector loads and stores")]

use rayon::prelude::*;

use crate::Isa;
use crate::buffer::{Shared, written};
use crate::lanes::Lanes;
use crate::product::WithLanes;

/// Rows of a task.
const TASK_ROWS: usize = 32;

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias` for each row, `[rows, width]`. The variance is the mean square
/// of what is left after the mean is taken off.
///
/// Splits the work over the threads of the rayon pool that it is called in.
///
/// # Panics
/// When `weight` is empty, `bias` has another length, or `input` is not whole rows.
#[must_use]
pub fn layer_norm(isa: Isa, input: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> Vec<f32> {
    let width = weight.len();
    assert!(
        width > 0 && bias.len() == width,
        "layer norm of {width} weights, {} biases",
        bias.len()
    );
    assert!(
        input.len().is_multiple_of(width),
        "{} numbers are not whole rows of {width}",
        input.len()
    );
    let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
        let to = Shared::new(to.as_mut_ptr().cast::<f32>());
        input
            .par_chunks(TASK_ROWS * width)
            .enumerate()
            .for_each(|(task, rows)| {
                isa.with_lanes(Rows {
                    rows,
                    weight,
                    bias,
                    epsilon,
                    to: to.at(task * TASK_ROWS * width),
                });
            });
    };
    // SAFETY: the tasks cover every row, so every element is written.
    unsafe { written(input.len(), write) }
}

struct Rows<'a> {
    rows: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
    to: *mut f32,
}

impl WithLanes for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self {
            rows,
            weight,
            bias,
            epsilon,
            to,
        } = self;
        let width = weight.len();
        for (index, row) in rows.chunks_exact(width).enumerate() {
            let zero = lanes.splat(0.0);
            let mean = total(lanes, row, zero, false) / width as f32;
            let variance = total(lanes, row, lanes.splat(mean), true) / width as f32;
            let mean = lanes.splat(mean);
            let scale = lanes.splat((variance + epsilon).sqrt().recip());
            let affine = Affine { mean, scale };
            let whole = width / L::COUNT * L::COUNT;
            let to = to.wrapping_add(index * width);
            for at in (0..whole).step_by(L::COUNT) {
                // SAFETY: a vector at `at` is inside the row, the weights, the biases and the row's output.
                unsafe {
                    let x = lanes.load(row.as_ptr().add(at));
                    let weight = lanes.load(weight.as_ptr().add(at));
                    let bias = lanes.load(bias.as_ptr().add(at));
                    lanes.store(to.add(at), affine.apply(lanes, x, weight, bias));
                }
            }
            if whole < width {
                let count = width - whole;
                // SAFETY: as above, for the `count` numbers that are left.
                unsafe {
                    let x = lanes.load_first(row.as_ptr().add(whole), count);
                    let weight = lanes.load_first(weight.as_ptr().add(whole), count);
                    let bias = lanes.load_first(bias.as_ptr().add(whole), count);
                    let y = affine.apply(lanes, x, weight, bias);
                    lanes.store_first(to.add(whole), y, count);
                }
            }
        }
    }
}

struct Affine<V> {
    mean: V,
    scale: V,
}

impl<V: Copy> Affine<V> {
    #[inline(always)]
    fn apply<L: Lanes<Vector = V>>(&self, lanes: L, x: V, weight: V, bias: V) -> V {
        let normal = lanes.mul(lanes.sub(x, self.mean), self.scale);
        lanes.mul_add(normal, weight, bias)
    }
}

/// The sum of `x - offset` over a row, or of its square.
#[inline(always)]
fn total<L: Lanes>(lanes: L, row: &[f32], offset: L::Vector, squared: bool) -> f32 {
    const CHAINS: usize = 4;
    let mut sums = [lanes.splat(0.0); CHAINS];
    let (whole, rest) = row.split_at(row.len() / (CHAINS * L::COUNT) * (CHAINS * L::COUNT));
    for group in whole.chunks_exact(CHAINS * L::COUNT) {
        for (chain, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the group has `CHAINS` vectors.
            let x = unsafe { lanes.load(group.as_ptr().add(chain * L::COUNT)) };
            let x = lanes.sub(x, offset);
            *sum = if squared {
                lanes.mul_add(x, x, *sum)
            } else {
                lanes.add(*sum, x)
            };
        }
    }
    let sum = lanes.add(lanes.add(sums[0], sums[1]), lanes.add(sums[2], sums[3]));
    let mut parts = [0.0_f32; 16];
    let mut offsets = [0.0_f32; 16];
    // SAFETY: no vector is longer than 16 lanes.
    unsafe {
        lanes.store(parts.as_mut_ptr(), sum);
        lanes.store(offsets.as_mut_ptr(), offset);
    }
    let rest: f32 = rest
        .iter()
        .map(|x| x - offsets[0])
        .map(|x| if squared { x * x } else { x })
        .sum();
    parts.iter().sum::<f32>() + rest
}

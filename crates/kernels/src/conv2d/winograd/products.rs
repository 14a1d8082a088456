//! The matrix products between the transforms: for each point, tiles by input channels times input by output channels.

#![expect(unsafe_code, reason = "unchecked reads in the innermost loop")]

use super::Matrix;
use crate::buffer::Words;
use crate::lanes::Lanes;
use crate::linear::packing::PackedWeights;
use crate::micro_kernel::Prefetch;
use crate::product::{Product, VECTORS};
use crate::rows::{MAX_MR, Panel, Run, Sums, Tiles, by_rows, indirect_micro_kernel};
use crate::words::{Layout, widen};

/// For every point, writes the products of `values` and its weights to `sums`.
#[inline(always)]
pub(super) fn multiply<P: Product>(
    product: P,
    layout: Layout,
    weights: &[PackedWeights],
    (inputs, values): (Matrix, &[u32]),
    (outputs, sums): (Matrix, &mut [u32]),
) {
    let lanes = product.lanes();
    let tiles = Tiles::new(inputs.rows, const { P::Lanes::INDIRECT_MR[VECTORS - 1] });
    let mut widened = Words::zeroed(if layout.widens() {
        layout.kc * layout.nr
    } else {
        0
    });
    for (point, packed) in weights.iter().enumerate() {
        let values = &values[point * inputs.stride..][..inputs.rows * inputs.row];
        let sums = &mut sums[point * outputs.stride..][..outputs.rows * outputs.row];
        let chunks = packed.depth.chunks();
        for chunk in 0..chunks {
            let steps = packed.depth.chunk(chunk);
            let words_a_step = layout.weight_terms / layout.input_terms;
            let run = Run {
                offset: steps.start * words_a_step,
                words: steps.len() * words_a_step,
            };
            assert!(run.offset + run.words <= inputs.row);
            for panel in 0..packed.panels() {
                let words = packed.panel(chunk, panel);
                let next = if panel + 1 < packed.panels() {
                    packed.panel(chunk, panel + 1)
                } else if chunk + 1 < chunks {
                    packed.panel(chunk + 1, 0)
                } else {
                    weights.get(point + 1).unwrap_or(packed).panel(0, 0)
                };
                let words = if layout.widens() {
                    widen(lanes, layout.nr, words, widened.as_mut_slice())
                } else {
                    words
                };
                assert!(words.len() == run.words * layout.nr);
                assert!((panel + 1) * layout.nr <= outputs.row);
                let prefetch = Prefetch::new(next, tiles.count, run.words);
                let mut row = 0;
                for tile in 0..tiles.count {
                    let height = tiles.height(tile);
                    let mut pointers = [values.as_ptr(); MAX_MR];
                    for (pointer, row) in pointers.iter_mut().zip(row..row + height) {
                        *pointer = values[row * inputs.row..].as_ptr();
                    }
                    let operands = Panel {
                        runs: &[run],
                        weights: words.as_ptr(),
                        prefetch: prefetch.share(tile),
                    };
                    let to = &mut sums[row * outputs.row + panel * layout.nr..];
                    // SAFETY: the run lies within a row of values, as was checked above, and the weights are those of its
                    // words.
                    unsafe {
                        by_rows!(height, const { P::Lanes::INDIRECT_MR[VECTORS - 1] }, R => {
                            multiply_tile::<P, R>(product, &pointers, &operands, chunk == 0, to, outputs.row);
                        });
                    }
                    row += height;
                }
            }
        }
    }
}

/// # Safety
/// The run must be readable from each of the first `R` pointers, and the panel must have weights for its words.
#[inline(always)]
unsafe fn multiply_tile<P: Product, const R: usize>(
    product: P,
    pointers: &[*const u32; MAX_MR],
    panel: &Panel<'_>,
    is_first: bool,
    to: &mut [u32],
    stride: usize,
) {
    let lanes = product.lanes();
    assert!(to.len() >= (R - 1) * stride + VECTORS * P::Lanes::COUNT);
    let to = to.as_mut_ptr().cast::<f32>();
    let mut sums: Sums<P, R, VECTORS> = [[lanes.splat(0.0); VECTORS]; R];
    if !is_first {
        for (r, row) in sums.iter_mut().enumerate() {
            for (v, sum) in row.iter_mut().enumerate() {
                // SAFETY: the length was checked above.
                *sum = unsafe { lanes.load(to.add(r * stride + v * P::Lanes::COUNT)) };
            }
        }
    }
    // SAFETY: as the caller promises.
    let sums = unsafe { indirect_micro_kernel::<P, R, VECTORS>(product, pointers, panel, sums) };
    for (r, row) in sums.iter().enumerate() {
        for (v, sum) in row.iter().enumerate() {
            // SAFETY: as above.
            unsafe { lanes.store(to.add(r * stride + v * P::Lanes::COUNT), *sum) };
        }
    }
}

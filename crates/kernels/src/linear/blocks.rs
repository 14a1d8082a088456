//! How a product is cut into tasks, and the order of the tiles in each.

#![expect(
    unsafe_code,
    reason = "tiles that are written in parallel, and instruction sets"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::Linear;
use super::finish::{Finish, finish};
use super::packing::PackedInput;
use crate::buffer::Words;
use crate::destination::Destination;
use crate::lanes::Lanes as _;
use crate::product::{Product, VECTORS, WithProduct};
use crate::rows::part;
use crate::tile::{Ahead, Operands, Sums, multiply};
use crate::words::widen;

/// Rows of a task: their part of a chunk of the depth stays in the second cache while panel after panel passes by.
pub(super) const BLOCK_ROWS: usize = 192;
/// Panels of a task, at most: their part of the output stays in the second cache from chunk to chunk.
const GROUP_PANELS: usize = 16;
/// Tasks for each thread, at least, so that none waits long for the last.
const TASKS_A_THREAD: usize = 4;

/// Computes all rows of `input`, and writes them from the start of `to` on.
pub(super) fn run(
    layer: &Linear,
    input: &PackedInput<'_>,
    residual: Option<&[f32]>,
    to: Destination,
) {
    let panels = layer.weights.panels();
    let blocks = input.stripes.div_ceil(BLOCK_ROWS / layer.layout.rows);
    let wanted = (TASKS_A_THREAD * rayon::current_num_threads()).div_ceil(blocks.max(1));
    let groups = panels.div_ceil(GROUP_PANELS).max(wanted).min(panels);
    (0..blocks * groups)
        .into_par_iter()
        .with_max_len(1)
        .for_each(|task| {
            let (block, group) = (task / groups, task % groups);
            layer.isa.with_product(
                layer.precision,
                Task {
                    layer,
                    input,
                    residual,
                    stripes: part(block, blocks, input.stripes),
                    panels: part(group, groups, panels),
                    to,
                },
            );
        });
}

/// Some stripes of rows by some panels of columns.
struct Task<'a> {
    layer: &'a Linear,
    input: &'a PackedInput<'a>,
    residual: Option<&'a [f32]>,
    stripes: Range<usize>,
    panels: Range<usize>,
    to: Destination,
}

impl WithProduct for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let Self {
            layer,
            input,
            residual,
            stripes,
            panels,
            to,
        } = self;
        let Linear {
            layout, weights, ..
        } = layer;
        assert!(layout.columns == VECTORS * P::Lanes::COUNT && layout.rows == P::ROWS);
        let chunks = weights.depth.chunks();
        let mut widened = if layout.widens() {
            Words::zeroed(layout.chunk * layout.columns)
        } else {
            Words::zeroed(0)
        };
        let mut sums = Sums::new();
        for chunk in 0..chunks {
            let steps = weights.depth.chunk(chunk);
            for panel in panels.clone() {
                let words = weights.panel(chunk, panel);
                let next = if panel + 1 < panels.end {
                    weights.panel(chunk, panel + 1)
                } else if chunk + 1 < chunks {
                    weights.panel(chunk + 1, panels.start)
                } else {
                    // Most likely this thread's next task.
                    weights.panel(0, panels.end % weights.panels())
                };
                let panel_words = if layout.widens() {
                    widen(
                        product.lanes(),
                        layout.columns,
                        words,
                        widened.as_mut_slice(),
                    )
                } else {
                    words
                };
                let tile_steps = panel_words.len() / layout.columns;
                let ahead = Ahead::new(next, stripes.len(), tile_steps);
                for index in stripes.clone() {
                    let stripe = input.stripe(index);
                    let inputs = input.words(&stripe, &steps);
                    assert!(inputs.len() == stripe.len() * tile_steps);
                    let operands = Operands {
                        input: inputs.as_ptr(),
                        input_stride: stripe.len(),
                        weights: panel_words.as_ptr(),
                        steps: tile_steps,
                        wanted: ahead.of_tile(index - stripes.start),
                    };
                    // SAFETY: the lengths were checked above; a stripe has as many rows as a tile, at most.
                    unsafe { multiply(product, stripe.len(), operands, sums.0.as_mut_ptr()) };
                    let what = Finish {
                        layer,
                        residual,
                        rows: stripe,
                        panel,
                        is_first: chunk == 0,
                        is_last: chunk + 1 == chunks,
                    };
                    // SAFETY: no other task has these rows and columns, and what is not the first chunk has been written.
                    unsafe { finish(product.lanes(), &what, &sums, to) };
                }
            }
        }
        to.settle(product.lanes());
    }
}

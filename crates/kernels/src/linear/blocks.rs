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
use crate::micro_kernel::{Operands, Prefetch, Sums, micro_kernel};
use crate::product::{Product, VECTORS, WithProduct};
use crate::rows::part;
use crate::words::widen;

/// Rows of a task, BLIS's MC: their part of a chunk of the depth stays in the second cache while panel after panel passes by.
pub(super) const MC: usize = 192;
/// Panels of a task, at most, BLIS's NC over NR: their part of the output stays in the second cache from chunk to chunk.
const NC_PANELS: usize = 16;
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
    let blocks = input.micro_panels.div_ceil(MC / layer.layout.mr);
    let wanted = (TASKS_A_THREAD * rayon::current_num_threads()).div_ceil(blocks.max(1));
    let groups = panels.div_ceil(NC_PANELS).max(wanted).min(panels);
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
                    micro_panels: part(block, blocks, input.micro_panels),
                    panels: part(group, groups, panels),
                    to,
                },
            );
        });
}

/// Some micro-panels of rows by some panels of columns: BLIS's macro-kernel.
struct Task<'a> {
    layer: &'a Linear,
    input: &'a PackedInput<'a>,
    residual: Option<&'a [f32]>,
    micro_panels: Range<usize>,
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
            micro_panels,
            panels,
            to,
        } = self;
        let Linear {
            layout, weights, ..
        } = layer;
        assert!(layout.nr == VECTORS * P::Lanes::COUNT && layout.mr == P::MR);
        let chunks = weights.depth.chunks();
        let mut widened = if layout.widens() {
            Words::zeroed(layout.kc * layout.nr)
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
                    widen(product.lanes(), layout.nr, words, widened.as_mut_slice())
                } else {
                    words
                };
                let tile_steps = panel_words.len() / layout.nr;
                let prefetch = Prefetch::new(next, micro_panels.len(), tile_steps);
                for index in micro_panels.clone() {
                    let micro_panel = input.micro_panel(index);
                    let inputs = input.words(&micro_panel, &steps);
                    assert!(inputs.len() == micro_panel.len() * tile_steps);
                    let operands = Operands {
                        a: inputs.as_ptr(),
                        a_stride: micro_panel.len(),
                        b: panel_words.as_ptr(),
                        k: tile_steps,
                        prefetch: prefetch.share(index - micro_panels.start),
                    };
                    // SAFETY: the lengths were checked above; a micro-panel has as many rows as a tile, at most.
                    unsafe {
                        micro_kernel(product, micro_panel.len(), operands, sums.0.as_mut_ptr())
                    };
                    let what = Finish {
                        layer,
                        residual,
                        rows: micro_panel,
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

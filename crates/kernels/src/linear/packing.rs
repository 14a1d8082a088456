#![expect(unsafe_code, reason = "rows that are packed in parallel")]

use std::ops::Range;

use rayon::prelude::*;

use super::blocks::MC;
use super::{Linear, LinearWeights};
use crate::buffer::{Shared, Words};
use crate::input_words::InputWords;
use crate::micro_kernel::{MAX_MR, MAX_NR};
use crate::product::{Product, WithProduct};
use crate::rows::part;
use crate::scratch;
use crate::words::{Layout, pack_panel};

/// The depth of a product, cut into chunks of about equal length, at most the layout's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Words of weights a column.
    steps: usize,
    /// Of them in a chunk, at most.
    chunk: usize,
}

impl Depth {
    fn new(layout: Layout, inputs: usize) -> Self {
        let steps = inputs.div_ceil(layout.weight_terms);
        let chunks = steps.div_ceil(layout.kc / layout.weight_terms);
        let chunk = steps.div_ceil(chunks);
        Self { steps, chunk }
    }

    pub(crate) fn chunks(self) -> usize {
        self.steps.div_ceil(self.chunk)
    }

    pub(crate) fn chunk(self, index: usize) -> Range<usize> {
        index * self.chunk..self.steps.min((index + 1) * self.chunk)
    }
}

/// Weights, packed as BLIS packs B: chunk by chunk of the depth, KC long, in each panel by panel of NR columns, in each step by
/// step the words of the panel's columns. Columns and depth are padded with zeros.
#[derive(Clone, Debug)]
pub(crate) struct PackedWeights {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) depth: Depth,
    nr: usize,
    words: Words,
}

impl PackedWeights {
    pub(crate) fn new(layout: Layout, weights: &LinearWeights<'_>) -> Self {
        let LinearWeights {
            inputs,
            outputs,
            weight,
            ..
        } = *weights;
        let Layout {
            nr, weight_terms, ..
        } = layout;
        let depth = Depth::new(layout, inputs);
        let panels = outputs.div_ceil(nr);
        let nothing = vec![0.0; inputs];
        let mut words = Words::zeroed(depth.steps * panels * nr);
        let mut rest = words.as_mut_slice();
        for chunk in (0..depth.chunks()).map(|index| depth.chunk(index)) {
            let (this, after) = rest.split_at_mut(chunk.len() * panels * nr);
            rest = after;
            let terms = chunk.start * weight_terms..inputs.min(chunk.end * weight_terms);
            this.par_chunks_mut(chunk.len() * nr)
                .enumerate()
                .for_each(|(panel, words)| {
                    let mut rows = [&nothing[terms.clone()]; MAX_NR];
                    for (column, row) in rows[..nr].iter_mut().enumerate() {
                        let output = panel * nr + column;
                        if output < outputs {
                            *row = &weight[output * inputs..][terms.clone()];
                        }
                    }
                    pack_panel(layout, &rows[..nr], words);
                });
        }
        Self {
            inputs,
            outputs,
            depth,
            nr,
            words,
        }
    }

    pub(crate) fn panels(&self) -> usize {
        self.outputs.div_ceil(self.nr)
    }

    /// The words of one panel in one chunk of the depth.
    pub(crate) fn panel(&self, chunk: usize, panel: usize) -> &[u32] {
        let chunk = self.depth.chunk(chunk);
        let before = chunk.start * self.panels() + panel * chunk.len();
        &self.words.as_slice()[before * self.nr..][..chunk.len() * self.nr]
    }
}

/// Rows of an input, packed as BLIS packs A: chunk by chunk of the depth, in each micro-panel by micro-panel of MR rows, as
/// many rows as a tile has (or one fewer, so that all are about the same), in each term by term the rows' words.
pub(crate) struct PackedInput<'a> {
    pub(crate) rows: usize,
    pub(crate) micro_panels: usize,
    words: &'a [u32],
    words_a_step: usize,
}

/// Bytes of a packed input: of many rows some are packed and multiplied after the others. An image of DINOv2 fits in, as another
/// pass over the weights would cost it 2 %; the 25 MB and more of a detector's regions do not.
const SLAB_BYTES: usize = 9 << 20;

/// Rows that `layer` packs at a time, whole blocks: in [`SLAB_BYTES`], or one.
pub(super) fn slab_rows(layer: &Linear) -> usize {
    let bytes = size_of::<u32>() * row_words(layer);
    (SLAB_BYTES / (bytes * MC)).max(1) * MC
}

/// Words of a packed row.
fn row_words(layer: &Linear) -> usize {
    layer.weights.depth.steps * (layer.layout.weight_terms / layer.layout.input_terms)
}

impl PackedInput<'_> {
    /// Packs `input`, whole rows of `layer`'s inputs, and calls `run` with it.
    pub(super) fn with<T>(
        layer: &Linear,
        input: &[f32],
        run: impl FnOnce(&PackedInput<'_>) -> T,
    ) -> T {
        let layout = layer.layout;
        let rows = input.len() / layer.inputs();
        let micro_panels = rows.div_ceil(layout.mr);
        let words_a_step = layout.weight_terms / layout.input_terms;
        let mut memory = scratch::take();
        let words = memory.at_least(rows * row_words(layer));
        let to = Shared::new(words.as_mut_ptr());
        (0..micro_panels)
            .into_par_iter()
            .with_min_len(8)
            .for_each(|index| {
                let micro_panel = MicroPanel {
                    layer,
                    input,
                    rows,
                    micro_panel: part(index, micro_panels, rows),
                    words_a_step,
                    to,
                };
                layer.isa.with_product(layer.precision, micro_panel);
            });
        let result = run(&PackedInput {
            rows,
            micro_panels,
            words,
            words_a_step,
        });
        scratch::keep(memory);
        result
    }

    /// The rows of micro-panel `index`.
    pub(crate) fn micro_panel(&self, index: usize) -> Range<usize> {
        part(index, self.micro_panels, self.rows)
    }

    /// The words of a micro-panel in the chunk of the depth that `steps` are.
    pub(crate) fn words(&self, micro_panel: &Range<usize>, steps: &Range<usize>) -> &[u32] {
        let terms = steps.len() * self.words_a_step;
        let start = self.rows * steps.start * self.words_a_step + micro_panel.start * terms;
        &self.words[start..start + micro_panel.len() * terms]
    }
}

/// The rows of a micro-panel, to be packed.
struct MicroPanel<'a> {
    layer: &'a Linear,
    /// All rows.
    input: &'a [f32],
    rows: usize,
    micro_panel: Range<usize>,
    words_a_step: usize,
    /// The words of all rows.
    to: Shared<u32>,
}

impl WithProduct for MicroPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let Self {
            words_a_step,
            micro_panel,
            ..
        } = self;
        let (inputs, depth) = (self.layer.inputs(), self.layer.weights.depth);
        let words = InputWords::new(product, self.layer.precision);
        for chunk in (0..depth.chunks()).map(|index| depth.chunk(index)) {
            let chunk = chunk.start * words_a_step..chunk.end * words_a_step;
            let start = self.rows * chunk.start + micro_panel.start * chunk.len();
            let len = micro_panel.len() * chunk.len();
            // SAFETY: micro-panels of chunks lie beside one another within the words, and each is written by one task.
            let to = unsafe { std::slice::from_raw_parts_mut(self.to.at(start), len) };
            let terms = chunk.start * P::TERMS..chunk.end * P::TERMS;
            let terms = terms.start.min(inputs)..terms.end.min(inputs);
            let mut rows: [&[f32]; MAX_MR] = [&[]; MAX_MR];
            for (slice, row) in rows.iter_mut().zip(micro_panel.clone()) {
                *slice = &self.input[row * inputs..][terms.clone()];
            }
            words.interleave(&rows[..micro_panel.len()], micro_panel.len(), to);
        }
    }
}

#![expect(unsafe_code, reason = "rows that are packed in parallel")]

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use super::LinearWeights;
use crate::buffer::{Shared, Words};
use crate::words::{Layout, pack_rows};

/// The depth of a product, cut into chunks of as many steps as keep a panel's weights in the first cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    /// Words of weights a column.
    steps: usize,
    /// Of them in a chunk, at most.
    chunk: usize,
}

impl Depth {
    fn new(layout: Layout, inputs: usize) -> Self {
        let steps = inputs.div_ceil(layout.weight_terms);
        let chunks = steps.div_ceil(layout.chunk / layout.weight_terms);
        let chunk = steps.div_ceil(chunks);
        Self { steps, chunk }
    }

    pub(super) fn chunks(self) -> usize {
        self.steps.div_ceil(self.chunk)
    }

    pub(super) fn chunk(self, index: usize) -> Range<usize> {
        index * self.chunk..self.steps.min((index + 1) * self.chunk)
    }
}

/// Weights in the order in which tiles read them: chunk by chunk of the depth, in each panel by panel, in each step by
/// step the words of the panel's columns. Columns and depth are padded with zeros.
#[derive(Clone, Debug)]
pub(super) struct PackedWeights {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) depth: Depth,
    columns: usize,
    words: Words,
}

impl PackedWeights {
    pub(super) fn new(layout: Layout, weights: &LinearWeights<'_>) -> Self {
        let LinearWeights {
            inputs,
            outputs,
            weight,
            ..
        } = *weights;
        let Layout {
            columns,
            weight_terms,
            ..
        } = layout;
        let depth = Depth::new(layout, inputs);
        let panels = outputs.div_ceil(columns);
        let mut words = Words::zeroed(depth.steps * panels * columns);
        let mut rest = words.as_mut_slice();
        for chunk in (0..depth.chunks()).map(|index| depth.chunk(index)) {
            let (this, after) = rest.split_at_mut(chunk.len() * panels * columns);
            rest = after;
            this.par_chunks_mut(chunk.len() * columns)
                .enumerate()
                .for_each(|(panel, words)| {
                    let used = columns.min(outputs - panel * columns);
                    for column in 0..used {
                        let output = panel * columns + column;
                        let row = &weight[output * inputs..][..inputs];
                        for (i, step) in chunk.clone().enumerate() {
                            let terms = &row[step * weight_terms..];
                            let terms = terms.iter().take(weight_terms).copied();
                            words[i * columns + column] = layout.weight_word(terms);
                        }
                    }
                });
        }
        Self {
            inputs,
            outputs,
            depth,
            columns,
            words,
        }
    }

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(self.columns)
    }

    /// The words of one panel in one chunk of the depth.
    pub(super) fn panel(&self, chunk: usize, panel: usize) -> &[u32] {
        let chunk = self.depth.chunk(chunk);
        let before = chunk.start * self.panels() + panel * chunk.len();
        &self.words.as_slice()[before * self.columns..][..chunk.len() * self.columns]
    }
}

/// Rows of an input in the order in which tiles read them: chunk by chunk of the depth, in each stripe by stripe of as
/// many rows as a tile has (or one fewer, so that all are about the same), in each term by term the rows' words.
pub(super) struct PackedInput<'a> {
    pub(super) rows: usize,
    pub(super) stripes: usize,
    words: &'a [u32],
    words_a_step: usize,
}

thread_local! {
    /// Memory for packed inputs, kept from call to call.
    static MEMORY: Cell<Option<Words>> = const { Cell::new(None) };
}

impl PackedInput<'_> {
    /// Packs `input`, whole rows of `inputs` numbers, and calls `run` with it.
    pub(super) fn with<T>(
        layout: Layout,
        input: &[f32],
        inputs: usize,
        run: impl FnOnce(&PackedInput<'_>) -> T,
    ) -> T {
        let depth = Depth::new(layout, inputs);
        let rows = input.len() / inputs;
        let stripes = rows.div_ceil(layout.rows);
        let words_a_step = layout.weight_terms / layout.input_terms;
        // Taken, not borrowed: while this thread waits for others it may take up a task that packs as well.
        let mut memory = MEMORY.take().unwrap_or_else(|| Words::zeroed(0));
        let words = memory.at_least(rows * depth.steps * words_a_step);
        let to = Shared::new(words.as_mut_ptr());
        (0..stripes)
            .into_par_iter()
            .with_min_len(8)
            .for_each(|index| {
                let stripe = stripe(index, rows, stripes);
                for chunk in (0..depth.chunks()).map(|index| depth.chunk(index)) {
                    let chunk = chunk.start * words_a_step..chunk.end * words_a_step;
                    let start = rows * chunk.start + stripe.start * chunk.len();
                    let len = stripe.len() * chunk.len();
                    // SAFETY: stripes of chunks lie beside one another within `words`, and each is written by one task.
                    let to = unsafe { std::slice::from_raw_parts_mut(to.at(start), len) };
                    let terms = chunk.start * layout.input_terms..chunk.end * layout.input_terms;
                    let terms = terms.start.min(inputs)..terms.end.min(inputs);
                    let rows = stripe
                        .clone()
                        .map(|row| &input[row * inputs..][terms.clone()]);
                    pack_rows(layout, rows, to);
                }
            });
        let result = run(&PackedInput {
            rows,
            stripes,
            words,
            words_a_step,
        });
        MEMORY.set(Some(memory));
        result
    }

    /// The rows of stripe `index`.
    pub(super) fn stripe(&self, index: usize) -> Range<usize> {
        stripe(index, self.rows, self.stripes)
    }

    /// The words of a stripe in the chunk of the depth that `steps` are.
    pub(super) fn words(&self, stripe: &Range<usize>, steps: &Range<usize>) -> &[u32] {
        let terms = steps.len() * self.words_a_step;
        let start = self.rows * steps.start * self.words_a_step + stripe.start * terms;
        &self.words[start..start + stripe.len() * terms]
    }
}

/// The rows of stripe `index`: all stripes are about as long.
fn stripe(index: usize, rows: usize, stripes: usize) -> Range<usize> {
    index * rows / stripes..(index + 1) * rows / stripes
}

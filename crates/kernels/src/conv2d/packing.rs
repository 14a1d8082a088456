//! A convolution's weights in the order in which tiles read them.

use super::Conv2dWeights;
use crate::buffer::Words;
use crate::product::VECTORS;
use crate::rows::Run;
use crate::words::Layout;

/// Weights, chunk by chunk of the depth: in each panel by panel, and in each for every word of a pixel's field the panel's
/// output channels side by side. Channels are padded with zeros to whole vectors.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    words: Words,
    /// Channels of a vector.
    lanes: usize,
    /// Input channels as they lie in memory, padded to whole words.
    pub(super) input_channels: usize,
    /// Output channels, padded to whole vectors.
    pub(super) padded_channels: usize,
    pub(super) chunks: Vec<Chunk>,
    pub(super) panels: Vec<Panel>,
}

/// As much of a pixel's field as leaves a panel's weights in the first cache.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) runs: Vec<KernelRun>,
    /// Weights of a column, in words, before this chunk and in it.
    before: usize,
    words: usize,
}

/// A run of words in one row of the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct KernelRun {
    row: usize,
    word: usize,
    words: usize,
}

/// Output channels that a tile computes together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) channel: usize,
    /// One in the last panel if their number is odd, else `VECTORS`.
    pub(super) vectors: usize,
}

impl KernelRun {
    /// In an input whose rows are `row_words` long.
    pub(super) fn within(self, row_words: usize) -> Run {
        Run {
            offset: self.row * row_words + self.word,
            words: self.words,
        }
    }
}

impl Packed {
    pub(super) fn new(layout: Layout, weights: &Conv2dWeights<'_>) -> Self {
        let Conv2dWeights {
            out_channels,
            in_channels,
            kernel: (rows, columns),
            weight,
            ..
        } = *weights;
        let lanes = layout.nr / VECTORS;
        let padded_channels = out_channels.next_multiple_of(lanes);
        let input_channels = in_channels.next_multiple_of(layout.weight_terms);
        let chunks = chunks(layout, rows, columns * input_channels);
        let panel = |channel| Panel {
            channel,
            vectors: ((padded_channels - channel) / lanes).min(VECTORS),
        };
        let panels: Vec<Panel> = (0..padded_channels).step_by(layout.nr).map(panel).collect();

        let number = |output: usize, row: usize, term: usize| {
            let (column, input) = (term / input_channels, term % input_channels);
            let at = ((output * in_channels + input) * rows + row) * columns + column;
            if output < out_channels && input < in_channels {
                weight[at]
            } else {
                0.0
            }
        };
        let depth: usize = chunks.iter().map(|chunk| chunk.words).sum();
        let mut words = Words::zeroed(depth * padded_channels);
        let mut to = words.as_mut_slice().iter_mut();
        for chunk in &chunks {
            for panel in &panels {
                let outputs = panel.channel..panel.channel + panel.vectors * lanes;
                for run in &chunk.runs {
                    let first = run.word * layout.input_terms;
                    let terms = first..first + run.words * layout.input_terms;
                    for term in terms.step_by(layout.weight_terms) {
                        for (output, to) in outputs.clone().zip(&mut to) {
                            let terms = term..term + layout.weight_terms;
                            let terms = terms.map(|term| number(output, run.row, term));
                            *to = layout.weight_word(terms);
                        }
                    }
                }
            }
        }
        Self {
            words,
            lanes,
            input_channels,
            padded_channels,
            chunks,
            panels,
        }
    }

    /// Numbers of a panel's weights in a word's place.
    pub(super) fn columns(&self, panel: usize) -> usize {
        self.panels[panel].vectors * self.lanes
    }

    /// The words of one panel in one chunk.
    pub(super) fn panel(&self, chunk: usize, panel: usize) -> &[u32] {
        let columns = self.columns(panel);
        let (chunk, panel) = (&self.chunks[chunk], &self.panels[panel]);
        let start = chunk.before * self.padded_channels + panel.channel * chunk.words;
        &self.words.as_slice()[start..start + columns * chunk.words]
    }
}

/// The field of a pixel, `rows` times `row_terms` numbers, in about equal parts.
fn chunks(layout: Layout, rows: usize, row_terms: usize) -> Vec<Chunk> {
    let terms = rows * row_terms;
    let parts = terms.div_ceil(layout.kc);
    let part = terms.div_ceil(parts).next_multiple_of(layout.weight_terms);
    let mut chunks = Vec::with_capacity(parts);
    for start in (0..terms).step_by(part) {
        let end = terms.min(start + part);
        let mut runs = Vec::new();
        for row in start / row_terms..end.div_ceil(row_terms) {
            let first = start.max(row * row_terms) - row * row_terms;
            let last = end.min((row + 1) * row_terms) - row * row_terms;
            runs.push(KernelRun {
                row,
                word: first / layout.input_terms,
                words: (last - first) / layout.input_terms,
            });
        }
        chunks.push(Chunk {
            runs,
            before: start / layout.weight_terms,
            words: (end - start) / layout.weight_terms,
        });
    }
    chunks
}

//! Rows of an image as a convolution wants to read them: as words, with a border of zeros.

use std::cell::Cell;
use std::ops::Range;

use super::Shape;
use crate::Extent;
use crate::buffer::Words;
use crate::words::{Layout, copy_words};

thread_local! {
    /// Memory for staged rows, kept from call to call.
    static MEMORY: Cell<Option<Words>> = const { Cell::new(None) };
}

/// What the output rows `rows` of one image see of it.
pub(super) struct Staging<'a> {
    pub(super) input: &'a [f32],
    pub(super) extent: Extent,
    pub(super) image: usize,
    pub(super) rows: Range<usize>,
}

impl Staging<'_> {
    /// Copies the rows, border included, and calls `run` with their words and the words of one row.
    pub(super) fn with<T>(
        &self,
        layout: Layout,
        shape: &Shape,
        input_channels: usize,
        run: impl FnOnce(&[u32], usize) -> T,
    ) -> T {
        let Extent { height, width, .. } = self.extent;
        let Shape {
            in_channels,
            kernel,
            stride,
            padding,
            ..
        } = *shape;
        let pixel_words = input_channels / layout.input_terms;
        let row_words = (width + 2 * padding) * pixel_words;
        let first = self.rows.start * stride;
        let count = (self.rows.len() - 1) * stride + kernel.0;
        let mut memory = MEMORY.take().unwrap_or_default();
        let words = memory.at_least(count * row_words);
        for (row, to) in words.chunks_exact_mut(row_words).enumerate() {
            let y = (first + row).checked_sub(padding).filter(|&y| y < height);
            let Some(y) = y else {
                to.fill(0);
                continue;
            };
            let from = (self.image * height + y) * width * in_channels;
            let from = &self.input[from..][..width * in_channels];
            let (left, rest) = to.split_at_mut(padding * pixel_words);
            let (pixels, right) = rest.split_at_mut(width * pixel_words);
            left.fill(0);
            right.fill(0);
            if in_channels == input_channels {
                copy_words(layout, from, pixels);
            } else {
                // A word of two terms does not reach into the next pixel.
                for (from, to) in from
                    .chunks_exact(in_channels)
                    .zip(pixels.chunks_exact_mut(pixel_words))
                {
                    copy_words(layout, from, to);
                }
            }
        }
        let result = run(&memory.as_slice()[..count * row_words], row_words);
        MEMORY.set(Some(memory));
        result
    }
}

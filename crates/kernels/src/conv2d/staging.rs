//! Rows of an image as a convolution wants to read them: as words, with a border of zeros.

use std::cell::Cell;
use std::ops::Range;

use super::Shape;
use crate::Extent;
use crate::buffer::Words;
use crate::input_words::InputWords;
use crate::product::{Product, WithProduct};
use crate::{Isa, Precision};

thread_local! {
    /// Memory for staged rows, kept from call to call.
    static MEMORY: Cell<Option<Words>> = const { Cell::new(None) };
}

/// What the output rows `rows` of one image see of it.
pub(super) struct Staging<'a> {
    pub(super) shape: &'a Shape,
    /// Channels of a pixel with those that fill up its last word.
    pub(super) channels: usize,
    pub(super) input: &'a [f32],
    pub(super) extent: Extent,
    pub(super) image: usize,
    pub(super) rows: Range<usize>,
}

impl Staging<'_> {
    /// Copies the rows, border included, and calls `run` with their words, of which each pixel has `pixel_words`, and the
    /// words of one row.
    pub(super) fn with<T>(
        &self,
        isa: Isa,
        precision: Precision,
        pixel_words: usize,
        run: impl FnOnce(&[u32], usize) -> T,
    ) -> T {
        let Shape {
            kernel,
            stride,
            padding,
            ..
        } = *self.shape;
        let row_words = (self.extent.width + 2 * padding) * pixel_words;
        let count = (self.rows.len() - 1) * stride + kernel.0;
        let mut memory = MEMORY.take().unwrap_or_default();
        let words = memory.at_least(count * row_words);
        let fill = Fill {
            staging: self,
            precision,
            words,
            row_words,
        };
        isa.with_product(precision, fill);
        let result = run(words, row_words);
        MEMORY.set(memory.kept_by_thread());
        result
    }
}

/// Words to be filled.
struct Fill<'a> {
    staging: &'a Staging<'a>,
    precision: Precision,
    words: &'a mut [u32],
    row_words: usize,
}

impl WithProduct for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let Staging {
            shape,
            channels,
            input,
            extent: Extent { height, width, .. },
            image,
            ref rows,
        } = *self.staging;
        let Shape {
            in_channels,
            stride,
            padding,
            ..
        } = *shape;
        let input_words = InputWords::new(product, self.precision);
        let pixel_words = channels / P::TERMS;
        let first = rows.start * stride;
        for (row, to) in self.words.chunks_exact_mut(self.row_words).enumerate() {
            let y = (first + row).checked_sub(padding).filter(|&y| y < height);
            let Some(y) = y else {
                to.fill(0);
                continue;
            };
            let from = (image * height + y) * width * in_channels;
            let from = &input[from..][..width * in_channels];
            let (left, rest) = to.split_at_mut(padding * pixel_words);
            let (pixels, right) = rest.split_at_mut(width * pixel_words);
            left.fill(0);
            right.fill(0);
            if in_channels == channels {
                input_words.copy(from, pixels);
            } else {
                // A word of two terms does not reach into the next pixel.
                for (from, to) in from
                    .chunks_exact(in_channels)
                    .zip(pixels.chunks_exact_mut(pixel_words))
                {
                    input_words.copy(from, to);
                }
            }
        }
    }
}

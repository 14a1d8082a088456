#![expect(unsafe_code, reason = "output that is written in parallel")]

use std::ops::Range;

use super::tile::Block;
use super::{Direct, MC};
use crate::Extent;
use crate::buffer::Words;
use crate::conv2d::residual::Placed;
use crate::destination::Destination;
use crate::product::{Product, WithProduct};
use crate::rows::Run;
use crate::words::widen;

/// An input as words, without need of a border.
pub(super) struct View<'a> {
    pub(super) words: &'a [u32],
    pub(super) row_words: usize,
    pub(super) pixel_words: usize,
    pub(super) image_rows: usize,
    pub(super) output: Extent,
    /// The image and the row that its first output pixel belongs to.
    pub(super) image: usize,
    pub(super) row: usize,
}

/// Where some output pixels of some panels of channels go.
pub(super) struct Place<'a> {
    pub(super) panels: Range<usize>,
    pub(super) residual: Option<&'a Placed<'a>>,
    /// The first pixel's place.
    pub(super) to: Destination,
    /// Numbers from one pixel to the next.
    pub(super) stride: usize,
}

/// Some output pixels of a view.
pub(super) struct Task<'a> {
    pub(super) direct: &'a Direct,
    pub(super) view: View<'a>,
    pub(super) pixels: Range<usize>,
    pub(super) place: Place<'a>,
}

impl WithProduct for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let Self {
            direct,
            view,
            pixels,
            place,
        } = self;
        let Place {
            panels,
            residual,
            to,
            stride,
        } = place;
        let Direct {
            layout,
            shape,
            packed,
            finish,
            ..
        } = direct;
        let channels = stride.min(packed.padded_channels);
        let mut widened = Words::zeroed(if layout.widens() {
            layout.kc * layout.nr
        } else {
            0
        });
        let mut runs = Vec::with_capacity(packed.chunks.len());
        for chunk in &packed.chunks {
            let within = chunk.runs.iter().map(|run| run.within(view.row_words));
            runs.push(within.collect::<Vec<Run>>());
        }
        let mut cursor = Cursor::new(&view, shape.stride, pixels.start);
        let mut starts = [0_usize; MC];
        let mut residual_starts = [0_usize; MC];
        let mut done = 0;
        while done < pixels.len() {
            let block = (pixels.len() - done).min(MC);
            for (start, residual_start) in starts[..block].iter_mut().zip(&mut residual_starts) {
                if let Some(residual) = residual {
                    let (image, y) = (view.image + cursor.image, view.row + cursor.y);
                    *residual_start = residual.start(image, y, cursor.x);
                }
                *start = cursor.next_start();
            }
            for index in 0..packed.chunks.len() {
                let runs = &runs[index];
                let reach = runs.iter().map(|run| run.offset + run.words).max();
                let last = starts[..block].iter().max();
                assert!(
                    last.zip(reach)
                        .is_none_or(|(last, reach)| last + reach <= view.words.len())
                );
                for panel in panels.clone() {
                    let words = packed.panel(index, panel);
                    let next = if panel + 1 < panels.end {
                        packed.panel(index, panel + 1)
                    } else {
                        words
                    };
                    let columns = packed.columns(panel);
                    let block = Block {
                        starts: &starts[..block],
                        words: view.words,
                        runs,
                        weights: if layout.widens() {
                            widen(product.lanes(), columns, words, widened.as_mut_slice())
                        } else {
                            words
                        },
                        next,
                        finish,
                        channel: packed.panels[panel].channel,
                        channels,
                        is_first: index == 0,
                        is_last: index + 1 == packed.chunks.len(),
                        residual: residual
                            .map(|residual| (residual.values, &residual_starts[..block])),
                        to: to.from(done * stride),
                        stride,
                    };
                    // SAFETY: every start leaves all runs inside the view, as was checked above; the panel has weights
                    // for all of their words; the output's place is this task's alone.
                    unsafe {
                        if packed.panels[panel].vectors == 1 {
                            block.run::<P, 1>(product);
                        } else {
                            block.run::<P, 2>(product);
                        }
                    }
                }
            }
            done += block;
        }
        to.settle(product.lanes());
    }
}

/// Walks over output pixels and answers where in the input each one's field starts, in words.
struct Cursor<'a> {
    view: &'a View<'a>,
    stride: usize,
    start: usize,
    x: usize,
    y: usize,
    image: usize,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    fn new(view: &'a View<'a>, stride: usize, pixel: usize) -> Self {
        let output = view.output;
        let (x, row) = (pixel % output.width, pixel / output.width);
        let (y, image) = (row % output.height, row / output.height);
        let mut cursor = Self {
            view,
            stride,
            start: 0,
            x,
            y,
            image,
        };
        cursor.start = cursor.row_start() + x * stride * view.pixel_words;
        cursor
    }

    #[inline(always)]
    fn row_start(&self) -> usize {
        (self.image * self.view.image_rows + self.y * self.stride) * self.view.row_words
    }

    #[inline(always)]
    fn next_start(&mut self) -> usize {
        let start = self.start;
        self.start += self.stride * self.view.pixel_words;
        self.x += 1;
        if self.x == self.view.output.width {
            self.x = 0;
            self.y += 1;
            if self.y == self.view.output.height {
                self.y = 0;
                self.image += 1;
            }
            self.start = self.row_start();
        }
        start
    }
}

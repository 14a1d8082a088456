//! Convolution as a matrix product that is never written down: the rows are the fields of the output pixels, read where
//! they lie.

#![expect(unsafe_code, reason = "output that is written in parallel")]

mod task;
mod tile;

use std::ops::Range;

use rayon::prelude::*;

use super::finish::Finish;
use super::packing::Packed;
use super::residual::Placed;
use super::staging::Staging;
use super::{Conv2dWeights, Shape};
use crate::destination::Destination;
use crate::rows::part as part_of;
use crate::words::Layout;
use crate::{Extent, Isa, Precision};
use task::{Place, Task, View};

/// Rows of the product, which are output pixels, that make a block, BLIS's MC: their chunk of the depth stays in the second cache while panel after panel passes by.
const MC: usize = 192;
/// Output pixels of a task that copies its input first: few enough to stay in the second cache, but enough that rows
/// which the kernel sees twice are not copied twice too often.
const STAGED_PIXELS: usize = 512;
/// Panels of a task, at most, BLIS's NC over NR: their part of the output stays in the second cache from chunk to chunk.
const NC_PANELS: usize = 16;
/// Tasks for each thread, at least, so that none waits long for the last.
const TASKS_A_THREAD: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Direct {
    isa: Isa,
    precision: Precision,
    layout: Layout,
    shape: Shape,
    packed: Packed,
    finish: Finish,
}

/// An image being convolved.
pub(super) struct Images<'a> {
    pub(super) input: &'a [f32],
    pub(super) extent: Extent,
    pub(super) output: Extent,
    pub(super) residual: Option<Placed<'a>>,
}

impl Direct {
    pub(super) fn new(isa: Isa, precision: Precision, weights: &Conv2dWeights<'_>) -> Self {
        let layout = Layout::new(isa, precision);
        let packed = Packed::new(layout, weights);
        Self {
            isa,
            precision,
            layout,
            shape: weights.shape(),
            finish: Finish::new(weights, packed.padded_channels),
            packed,
        }
    }

    pub(super) fn padded_channels(&self) -> usize {
        self.packed.padded_channels
    }

    /// Whether the input must be copied first: it lacks a border, or its numbers are not the words that are multiplied.
    pub(super) fn stages(&self) -> bool {
        self.shape.padding > 0 || self.precision == Precision::Bf16
    }

    /// Computes all of the output, on all threads of the pool.
    ///
    /// # Safety
    /// `to` must have room for the output, and no one else may use it.
    pub(super) unsafe fn run(&self, images: &Images<'_>, to: Destination) {
        let output = images.output;
        let parts = self.parts(output);
        let panels = self.packed.panels.len();
        let wanted = (TASKS_A_THREAD * rayon::current_num_threads()).div_ceil(parts.len().max(1));
        let groups = panels.div_ceil(NC_PANELS).max(wanted).min(panels);
        let channels = self.finish.channels;
        (0..parts.len() * groups)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let (part, group) = (&parts[task / groups], task % groups);
                let to = to.from(part.start * channels);
                // SAFETY: no other task has these pixels of these panels.
                unsafe {
                    self.run_part(
                        images,
                        part.clone(),
                        part_of(group, groups, panels),
                        to,
                        channels,
                    );
                }
            });
    }

    /// Computes the output pixels `pixels` (counted over rows and images) into `to`, `stride` values apart: either the
    /// exact number of channels or all padded ones.
    ///
    /// # Safety
    /// `to` must have room for them, and no one else may use it.
    pub(super) unsafe fn run_on_this_thread(
        &self,
        images: &Images<'_>,
        pixels: Range<usize>,
        to: Destination,
        stride: usize,
    ) {
        let panels = 0..self.packed.panels.len();
        // SAFETY: as the caller promises.
        unsafe { self.run_part(images, pixels, panels, to, stride) }
    }

    /// If the input must be staged, `pixels` must be whole rows of one image.
    ///
    /// # Safety
    /// As for [`Direct::run_on_this_thread`], but that others may use the places of other panels.
    unsafe fn run_part(
        &self,
        images: &Images<'_>,
        pixels: Range<usize>,
        panels: Range<usize>,
        to: Destination,
        stride: usize,
    ) {
        let Images {
            input,
            extent,
            output,
            ref residual,
        } = *images;
        let place = Place {
            panels,
            residual: residual.as_ref(),
            to,
            stride,
        };
        if !self.stages() {
            let view = View {
                words: as_words(input),
                row_words: extent.width * self.shape.in_channels,
                pixel_words: self.shape.in_channels,
                output,
                image_rows: extent.height,
                image: 0,
                row: 0,
            };
            return self.run_task(view, pixels, place);
        }
        let row = pixels.start / output.width;
        let rows = row % output.height..row % output.height + pixels.len() / output.width;
        assert!(rows.end <= output.height && pixels.len().is_multiple_of(output.width));
        let channels = self.packed.input_channels;
        let pixel_words = channels / self.layout.input_terms;
        let staging = Staging {
            shape: &self.shape,
            channels,
            input,
            extent,
            image: row / output.height,
            rows: rows.clone(),
        };
        staging.with(self.isa, self.precision, pixel_words, |words, row_words| {
            let view = View {
                words,
                row_words,
                pixel_words,
                output: Extent {
                    batch: 1,
                    height: rows.len(),
                    ..output
                },
                image_rows: words.len() / row_words,
                image: row / output.height,
                row: rows.start,
            };
            self.run_task(view, 0..pixels.len(), place);
        });
    }

    fn run_task(&self, view: View<'_>, pixels: Range<usize>, place: Place<'_>) {
        let task = Task {
            direct: self,
            view,
            pixels,
            place,
        };
        self.isa.with_product(self.precision, task);
    }

    /// The output pixels in parts that can be computed by themselves.
    fn parts(&self, output: Extent) -> Vec<Range<usize>> {
        if output.pixels() == 0 {
            return Vec::new();
        }
        if !self.stages() {
            let count = output.pixels().div_ceil(MC);
            return (0..count)
                .map(|part| part_of(part, count, output.pixels()))
                .collect();
        }
        let rows = (STAGED_PIXELS / output.width).clamp(1, output.height);
        let parts = output.height.div_ceil(rows);
        (0..output.batch * parts)
            .map(|part| {
                let rows = part_of(part % parts, parts, output.height);
                let first = part / parts * output.height;
                (first + rows.start) * output.width..(first + rows.end) * output.width
            })
            .collect()
    }
}

fn as_words(numbers: &[f32]) -> &[u32] {
    // SAFETY: the types have the same size and alignment, and every pattern of bits is valid for both.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), numbers.len()) }
}

//! Convolution as a matrix product that is never written down: the rows are the fields of the output pixels, read where
//! they lie.

#![expect(
    unsafe_code,
    reason = "unchecked reads in the innermost loop, and output that is written in parallel"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::finish::Finish;
use super::packing::Packed;
use super::residual::Placed;
use super::staging::Staging;
use super::{Conv2dWeights, Shape};
use crate::buffer::{Shared, Words};
use crate::lanes::Lanes;
use crate::product::{Product, WithProduct};
use crate::rows::{MOST_ROWS, Panel, Run, Sums, Tiles, accumulate, by_rows, part as part_of};
use crate::tile::{LINE, PREFETCH_STEPS};
use crate::words::{Layout, widen};
use crate::{Extent, Isa, Precision};

/// Output pixels whose chunk of the depth stays in the second cache while panel after panel passes by.
const BLOCK_PIXELS: usize = 192;
/// Output pixels of a task that copies its input first: few enough to stay in the second cache, but enough that rows
/// which the kernel sees twice are not copied twice too often.
const STAGED_PIXELS: usize = 512;
/// Panels of a task, at most: their part of the output stays in the second cache from chunk to chunk.
const GROUP_PANELS: usize = 16;
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
    pub(super) unsafe fn run(&self, images: &Images<'_>, to: Shared<f32>) {
        let output = images.output;
        let parts = self.parts(output);
        let panels = self.packed.panels.len();
        let wanted = (TASKS_A_THREAD * rayon::current_num_threads()).div_ceil(parts.len().max(1));
        let groups = panels.div_ceil(GROUP_PANELS).max(wanted).min(panels);
        let channels = self.finish.channels;
        (0..parts.len() * groups)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let (part, group) = (&parts[task / groups], task % groups);
                let to = Shared::new(to.at(part.start * channels));
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
        to: Shared<f32>,
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
        to: Shared<f32>,
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
        let staging = Staging {
            input,
            extent,
            image: row / output.height,
            rows: rows.clone(),
        };
        let channels = self.packed.input_channels;
        staging.with(self.layout, &self.shape, channels, |words, row_words| {
            let view = View {
                words,
                row_words,
                pixel_words: channels / self.layout.input_terms,
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
            let count = output.pixels().div_ceil(BLOCK_PIXELS);
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

/// An input as words, without need of a border.
struct View<'a> {
    words: &'a [u32],
    row_words: usize,
    pixel_words: usize,
    image_rows: usize,
    output: Extent,
    /// The image and the row that its first output pixel belongs to.
    image: usize,
    row: usize,
}

/// Where some output pixels of some panels of channels go.
struct Place<'a> {
    panels: Range<usize>,
    residual: Option<&'a Placed<'a>>,
    /// The first pixel's place.
    to: Shared<f32>,
    /// Numbers from one pixel to the next.
    stride: usize,
}

/// Some output pixels of a view.
struct Task<'a> {
    direct: &'a Direct,
    view: View<'a>,
    pixels: Range<usize>,
    place: Place<'a>,
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
            layout.chunk * layout.columns
        } else {
            0
        });
        let mut cursor = Cursor::new(&view, shape.stride, pixels.start);
        let mut starts = [0_usize; BLOCK_PIXELS];
        let mut residual_starts = [0_usize; BLOCK_PIXELS];
        let mut done = 0;
        while done < pixels.len() {
            let block = (pixels.len() - done).min(BLOCK_PIXELS);
            for (start, residual_start) in starts[..block].iter_mut().zip(&mut residual_starts) {
                if let Some(residual) = residual {
                    let (image, y) = (view.image + cursor.image, view.row + cursor.y);
                    *residual_start = residual.start(image, y, cursor.x);
                }
                *start = cursor.next_start();
            }
            for (index, chunk) in packed.chunks.iter().enumerate() {
                let runs: Vec<Run> = chunk
                    .runs
                    .iter()
                    .map(|run| run.within(view.row_words))
                    .collect();
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
                        runs: &runs,
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
                        to: to.at(done * stride),
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
    }
}

/// Some pixels by one panel, in one chunk of the depth.
struct Block<'a> {
    /// Where each pixel's field begins in `words`.
    starts: &'a [usize],
    words: &'a [u32],
    runs: &'a [Run],
    weights: &'a [u32],
    /// The weights that are wanted next.
    next: &'a [u32],
    finish: &'a Finish,
    /// The panel's first channel.
    channel: usize,
    /// How many channels are stored.
    channels: usize,
    is_first: bool,
    is_last: bool,
    /// What is added, and where it begins for each pixel.
    residual: Option<(&'a [f32], &'a [usize])>,
    to: *mut f32,
    stride: usize,
}

impl Block<'_> {
    /// # Safety
    /// Every start must leave all runs inside `words`, the weights must be those of `V` vectors, and `to`
    /// must hold `channels` values at each multiple of `stride` below `starts.len() * stride`.
    #[inline(always)]
    unsafe fn run<P: Product, const V: usize>(&self, product: P) {
        let tiles = Tiles::new(self.starts.len(), const { P::Lanes::POINTER_ROWS[V - 1] });
        // The next panel comes closer evenly over all tiles of this one.
        let share = self.next.len().div_ceil(tiles.count);
        let steps = self.weights.len() / (V * P::Lanes::COUNT);
        let next_stride = share.div_ceil((steps / PREFETCH_STEPS).max(1));
        let mut row = 0;
        for tile in 0..tiles.count {
            let height = tiles.height(tile);
            let mut pointers = [self.words.as_ptr(); MOST_ROWS];
            for (pointer, &start) in pointers.iter_mut().zip(&self.starts[row..row + height]) {
                *pointer = pointer.wrapping_add(start);
            }
            let panel = Panel {
                runs: self.runs,
                weights: self.weights.as_ptr(),
                next: self.next.as_ptr().wrapping_add(tile * share / LINE * LINE),
                next_stride,
            };
            // SAFETY: as the caller promises.
            unsafe {
                by_rows!(height, const { P::Lanes::POINTER_ROWS[V - 1] }, R => {
                    self.tile::<P, R, V>(product, row, &pointers, &panel);
                });
            }
            row += height;
        }
    }

    /// # Safety
    /// As for [`Block::run`].
    #[inline(always)]
    unsafe fn tile<P: Product, const R: usize, const V: usize>(
        &self,
        product: P,
        row: usize,
        pointers: &[*const u32; MOST_ROWS],
        panel: &Panel<'_>,
    ) {
        let lanes = product.lanes();
        let mut sums: Sums<P, R, V> = [[lanes.splat(0.0); V]; R];
        for v in 0..V {
            let channel = self.channel + v * P::Lanes::COUNT;
            if self.is_first {
                let bias = self.finish.bias(lanes, channel);
                for sums in &mut sums {
                    sums[v] = bias;
                }
            } else if channel < self.channels {
                for (r, sums) in sums.iter_mut().enumerate() {
                    let at = self.to.wrapping_add((row + r) * self.stride + channel);
                    // SAFETY: this tile has been written in the first chunk, and is within the output.
                    sums[v] = unsafe { load(lanes, at, self.channels - channel) };
                }
            }
        }
        // SAFETY: as the caller promises.
        let sums = unsafe { accumulate::<P, R, V>(product, pointers, panel, sums) };
        for v in 0..V {
            let channel = self.channel + v * P::Lanes::COUNT;
            if channel >= self.channels {
                continue;
            }
            let count = (self.channels - channel).min(P::Lanes::COUNT);
            for (r, sums) in sums.iter().enumerate() {
                let at = (row + r) * self.stride + channel;
                let mut value = sums[v];
                if self.is_last {
                    if let Some((residual, starts)) = self.residual {
                        let residual = &residual[starts[row + r] + channel..][..count];
                        // SAFETY: the slice was cut to the number of values that are read.
                        let residual = unsafe { load(lanes, residual.as_ptr(), count) };
                        value = lanes.add(value, residual);
                    }
                    value = self.finish.rectify(lanes, value, channel);
                }
                // SAFETY: `to` holds `channels` values at every multiple of `stride`, as the caller promises.
                unsafe {
                    if count == P::Lanes::COUNT {
                        lanes.store(self.to.add(at), value);
                    } else {
                        lanes.store_first(self.to.add(at), value, count);
                    }
                }
            }
        }
    }
}

/// # Safety
/// `count` values, or a vector if it is shorter, must be readable.
#[inline(always)]
unsafe fn load<L: Lanes>(lanes: L, from: *const f32, count: usize) -> L::Vector {
    // SAFETY: as the caller promises.
    unsafe {
        if count >= L::COUNT {
            lanes.load(from)
        } else {
            lanes.load_first(from, count)
        }
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

//! 3×3 convolutions of stride 1 by Winograd's method: tiles of the input are transformed, multiplied number by number with
//! transformed kernels (which over all channels is a matrix product for each number), and transformed back.
//!
//! A task takes some dozens of tiles through all three steps, so that what lies between stays in the outer caches.

#![expect(unsafe_code, reason = "output that is written in parallel")]

mod kernels;
mod products;
mod tile;
mod transforms;

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use super::direct::Images;
use super::finish::Finish;
use super::{Conv2dWeights, Shape};
use crate::buffer::Words;
use crate::destination::Destination;
use crate::linear::packing::PackedWeights;
use crate::product::{Product, VECTORS, WithProduct};
use crate::rows::part;
use crate::words::Layout;
use crate::{Extent, Isa, Precision};
use tile::{F2, F4, Tile};
use transforms::Transforms;

/// Tiles of a task, about: enough rows of a matrix product that the weights, which come from the outer caches or from
/// memory, do not hold it up.
const TASK_TILES: usize = 48;
/// Below this many channels the transforms cost more than they save.
const LEAST_CHANNELS: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct Winograd {
    isa: Isa,
    precision: Precision,
    layout: Layout,
    shape: Shape,
    /// For each number of a tile, `[out_channels, in_channels]`.
    weights: Vec<PackedWeights>,
    finish: Finish,
}

impl Winograd {
    pub(super) fn suits(isa: Isa, shape: &Shape) -> bool {
        let lanes = Layout::new(isa, Precision::F32).nr / VECTORS;
        let channels = [shape.in_channels, shape.out_channels];
        shape.kernel == (3, 3)
            && (shape.stride, shape.padding) == (1, 1)
            && channels.map(|count| count >= LEAST_CHANNELS && count.is_multiple_of(lanes))
                == [true, true]
    }

    pub(super) fn new(isa: Isa, precision: Precision, weights: &Conv2dWeights<'_>) -> Self {
        let layout = Layout::new(isa, precision);
        Self {
            isa,
            precision,
            layout,
            shape: weights.shape(),
            // Rounded to bf16, the values at the points of F(4×4) are too coarse: four times the error of F(2×2).
            weights: match precision {
                Precision::F32 => kernels::transformed(layout, weights, &F4::KERNEL),
                Precision::Bf16 => kernels::transformed(layout, weights, &F2::KERNEL),
            },
            finish: Finish::new(weights, weights.out_channels.next_multiple_of(layout.nr)),
        }
    }

    /// Computes all of the output, on all threads of the pool.
    ///
    /// # Safety
    /// `to` must have room for the output, and no one else may use it.
    pub(super) unsafe fn run(&self, images: &Images<'_>, to: Destination) {
        match self.precision {
            Precision::F32 => self.run_tiles::<F4, 6, 4>(images, to),
            Precision::Bf16 => self.run_tiles::<F2, 4, 2>(images, to),
        }
    }

    fn run_tiles<T: Tile<IN, OUT>, const IN: usize, const OUT: usize>(
        &self,
        images: &Images<'_>,
        to: Destination,
    ) {
        let grid = Grid::new(images.output, OUT);
        let threads = rayon::current_num_threads();
        let tasks = grid.tiles().div_ceil(TASK_TILES).next_multiple_of(threads);
        let tasks = tasks.min(grid.tiles());
        (0..tasks)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|index| {
                let task = Task::<T, IN, OUT> {
                    winograd: self,
                    images,
                    grid,
                    tiles: part(index, tasks, grid.tiles()),
                    to,
                    size: std::marker::PhantomData,
                };
                self.isa.with_product(self.precision, task);
            });
    }
}

/// How images are cut into tiles. Those at the right and lower edge may hang over.
#[derive(Clone, Copy)]
struct Grid {
    batch: usize,
    rows: usize,
    columns: usize,
}

impl Grid {
    fn new(output: Extent, side: usize) -> Self {
        Self {
            batch: output.batch,
            rows: output.height.div_ceil(side),
            columns: output.width.div_ceil(side),
        }
    }

    fn tiles(self) -> usize {
        self.batch * self.rows * self.columns
    }

    /// Image, row and column of tile `index`.
    fn place(self, index: usize) -> (usize, usize, usize) {
        let row = index / self.columns;
        (row / self.rows, row % self.rows, index % self.columns)
    }
}

thread_local! {
    /// Memory for transformed tiles, kept from call to call.
    static MEMORY: Cell<Option<Words>> = const { Cell::new(None) };
}

/// Some tiles, through all steps.
struct Task<'a, T, const IN: usize, const OUT: usize> {
    winograd: &'a Winograd,
    images: &'a Images<'a>,
    grid: Grid,
    tiles: Range<usize>,
    to: Destination,
    size: std::marker::PhantomData<T>,
}

impl<T: Tile<IN, OUT>, const IN: usize, const OUT: usize> WithProduct for Task<'_, T, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let Self {
            winograd,
            images,
            grid,
            tiles,
            to,
            ..
        } = self;
        let layout = winograd.layout;
        let inputs = Matrix::new(tiles.len(), winograd.shape.in_channels / layout.input_terms);
        let outputs = Matrix::new(
            tiles.len(),
            winograd.shape.out_channels.next_multiple_of(layout.nr),
        );
        let border = IN * IN * winograd.shape.in_channels;
        let mut memory = MEMORY.take().unwrap_or_default();
        let points = IN * IN;
        let words = memory.at_least(points * (inputs.stride + outputs.stride) + border);
        let (values, rest) = words.split_at_mut(points * inputs.stride);
        let (sums, border) = rest.split_at_mut(points * outputs.stride);

        let transforms = Transforms::<T, IN, OUT> {
            images,
            shape: &winograd.shape,
            finish: &winograd.finish,
            rounds: layout.widens(),
            size: std::marker::PhantomData,
        };
        for (row, tile) in tiles.clone().enumerate() {
            let at = &mut values[row * inputs.row..];
            transforms.input(product, grid.place(tile), at, inputs.stride, border);
        }
        products::multiply(
            product,
            layout,
            &winograd.weights,
            (inputs, values),
            (outputs, sums),
        );
        for (row, tile) in tiles.enumerate() {
            let sums = &sums[row * outputs.row..];
            transforms.output(product.lanes(), grid.place(tile), sums, outputs.stride, to);
        }
        to.settle(product.lanes());
        MEMORY.set(memory.kept_by_thread());
    }
}

/// A matrix for each number of a tile: `stride` words from one to the next, and `row` words from one tile to the next.
#[derive(Clone, Copy)]
struct Matrix {
    rows: usize,
    row: usize,
    stride: usize,
}

impl Matrix {
    fn new(rows: usize, row: usize) -> Self {
        // A cache line more, or the numbers of a tile would fall on each other's places in the first cache.
        let stride = (rows * row).next_multiple_of(16) + 16;
        Self { rows, row, stride }
    }
}

//! One tile of a matrix product: a few rows by one panel of columns, all sums in registers.

#![expect(unsafe_code, reason = "unchecked reads in the innermost loop")]

use crate::lanes::Lanes;
use crate::product::{Product, VECTORS, Vector};

/// The most rows and columns a tile of any make has.
pub(crate) const MOST_ROWS: usize = 14;
pub(crate) const MOST_COLUMNS: usize = VECTORS * 16;

/// The sums of a tile, row by row, as many columns each as a panel of its make has.
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [f32; MOST_ROWS * MOST_COLUMNS]);

impl Sums {
    pub(crate) const fn new() -> Self {
        Self([0.0; MOST_ROWS * MOST_COLUMNS])
    }
}

/// What a tile is the product of.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// Words of inputs: the rows' beside one another, and `input_stride` words on those of the next step.
    pub(crate) input: *const u32,
    pub(crate) input_stride: usize,
    /// Words of weights: a panel's columns beside one another, step after step.
    pub(crate) weights: *const u32,
    /// Words of weights a column.
    pub(crate) steps: usize,
    pub(crate) wanted: Wanted,
}

/// Words that are wanted after the panel at hand, and come closer evenly over all tiles of it.
#[derive(Clone, Copy)]
pub(crate) struct Ahead {
    words: *const u32,
    /// Words for each tile.
    share: usize,
    /// Words for every `PREFETCH_STEPS` of a tile.
    stride: usize,
}

/// What a tile brings closer of them.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    next: *const u32,
    stride: usize,
}

impl Ahead {
    /// For a panel of so many tiles, each of so many steps.
    #[inline(always)]
    pub(crate) fn new(words: &[u32], tiles: usize, steps: usize) -> Self {
        let share = words.len().div_ceil(tiles);
        Self {
            words: words.as_ptr(),
            share,
            stride: share.div_ceil((steps / PREFETCH_STEPS).max(1)),
        }
    }

    /// The share of tile `index`.
    #[inline(always)]
    pub(crate) fn of_tile(self, index: usize) -> Wanted {
        Wanted {
            next: self.words.wrapping_add(index * self.share / LINE * LINE),
            stride: self.stride,
        }
    }
}

impl Wanted {
    pub(crate) const NOTHING: Self = Self {
        next: std::ptr::null(),
        stride: 0,
    };

    /// What is read in one go with `words`, as fast as they are, `STREAM_AHEAD` words on.
    #[inline(always)]
    pub(crate) fn behind<P: Product>(words: &[u32]) -> Self {
        Self {
            next: words.as_ptr().wrapping_add(STREAM_AHEAD),
            stride: PREFETCH_STEPS * VECTORS * P::Lanes::COUNT,
        }
    }

    /// To be called every `PREFETCH_STEPS`.
    #[inline(always)]
    pub(crate) fn come_closer<L: Lanes>(&mut self, lanes: L) {
        for line in 0..self.stride.div_ceil(LINE) {
            lanes.prefetch(self.next.wrapping_add(line * LINE));
        }
        self.next = self.next.wrapping_add(self.stride);
    }
}

/// Steps a tile goes between two strides that it prefetches.
pub(crate) const PREFETCH_STEPS: usize = 4;
/// Words that weights which are read only once are prefetched ahead: what comes from memory while one line is on its way.
const STREAM_AHEAD: usize = 1024;
/// Words in a cache line.
const LINE: usize = 16;

/// Multiplies a tile of `rows`, and writes its sums to `to`, row after row of a panel's columns.
///
/// # Safety
/// `rows` must be 1 to `P::ROWS`, and so many rows writable at `to`; with `steps` rows of inputs and of weights readable.
#[inline(always)]
pub(crate) unsafe fn multiply<P: Product>(
    product: P,
    rows: usize,
    operands: Operands,
    to: *mut f32,
) {
    // A tile's rows are a constant of its loop, or its sums would not stay in registers.
    macro_rules! by_rows {
        ($($count:literal)*) => {
            match rows {
                // SAFETY: as the caller promises.
                $($count if P::ROWS >= $count => unsafe { multiply_rows::<P, $count>(product, operands, to) },)*
                _ => unreachable!("a tile of {rows} rows"),
            }
        };
    }
    by_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// # Safety
/// As for [`multiply`].
#[inline(always)]
unsafe fn multiply_rows<P: Product, const ROWS: usize>(
    product: P,
    operands: Operands,
    to: *mut f32,
) {
    let lanes = product.lanes();
    let columns = VECTORS * P::Lanes::COUNT;
    let Operands {
        mut input,
        input_stride,
        mut weights,
        steps,
        mut wanted,
    } = operands;
    let mut sums = [[lanes.splat(0.0); VECTORS]; ROWS];
    for _ in 0..steps / PREFETCH_STEPS {
        wanted.come_closer(lanes);
        for _ in 0..PREFETCH_STEPS {
            // SAFETY: the loops take `steps` steps in all, each a row of weights and one of inputs.
            unsafe {
                step(product, input, weights, &mut sums);
                input = input.add(input_stride);
                weights = weights.add(columns);
            }
        }
    }
    for _ in 0..steps % PREFETCH_STEPS {
        // SAFETY: as above.
        unsafe {
            step(product, input, weights, &mut sums);
            input = input.add(input_stride);
            weights = weights.add(columns);
        }
    }
    for (r, row) in sums.iter().enumerate() {
        for (v, sum) in row.iter().enumerate() {
            // SAFETY: `to` has room for the tile, as the caller promises.
            unsafe { lanes.store(to.add(r * columns + v * P::Lanes::COUNT), *sum) }
        }
    }
}

/// # Safety
/// A row of weights and one of inputs must be readable.
#[inline(always)]
unsafe fn step<P: Product, const ROWS: usize>(
    product: P,
    input: *const u32,
    weights: *const u32,
    sums: &mut [[Vector<P>; VECTORS]; ROWS],
) {
    let lanes = product.lanes();
    let mut panel = [lanes.splat(0.0); VECTORS];
    for (v, vector) in panel.iter_mut().enumerate() {
        // SAFETY: a row of weights is a panel of words, as the caller promises.
        *vector = unsafe { lanes.load(weights.add(v * P::Lanes::COUNT).cast()) };
    }
    for (r, row) in sums.iter_mut().enumerate() {
        // SAFETY: a row of inputs has at least `ROWS` words, as the caller promises.
        let word = unsafe { lanes.splat(*input.add(r).cast::<f32>()) };
        for (sum, weights) in row.iter_mut().zip(panel) {
            *sum = product.multiply_add(word, weights, *sum);
        }
    }
}

//! The micro-kernel of a matrix product whose rows are read where they lie: A is not packed, each of its rows has a pointer
//! (XNNPACK's indirect product). What a convolution
//! multiplies is such a matrix, as in NHWC the channels that a kernel's row sees lie beside one another.

#![expect(unsafe_code, reason = "unchecked reads in the innermost loop")]

use crate::lanes::Lanes;
use crate::micro_kernel::{PREFETCH_STEPS, PrefetchShare};
use crate::product::{Product, Vector};

/// The largest MR of any make.
pub(crate) const MAX_MR: usize = 8;

/// Words that every row of a tile has beside one another, `offset` words after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) offset: usize,
    pub(crate) words: usize,
}

/// What the rows are multiplied with.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    /// The parts of a row that are multiplied, in the order of the weights.
    pub(crate) runs: &'a [Run],
    /// For each word of the runs, the panel's columns beside one another.
    pub(crate) weights: *const u32,
    pub(crate) prefetch: PrefetchShare,
}

/// The sums of a tile: `R` rows of `V` vectors.
pub(crate) type Sums<P, const R: usize, const V: usize> = [[Vector<P>; V]; R];

/// Adds the products of `rows` and `panel` to `sums`.
///
/// # Safety
/// All runs must be readable from each of the first `R` rows, and the weights must have `V` vectors for each of their words.
#[inline(always)]
pub(crate) unsafe fn indirect_micro_kernel<P: Product, const R: usize, const V: usize>(
    product: P,
    rows: &[*const u32; MAX_MR],
    panel: &Panel<'_>,
    mut sums: Sums<P, R, V>,
) -> Sums<P, R, V> {
    let lanes = product.lanes();
    let Panel {
        runs,
        mut weights,
        mut prefetch,
    } = *panel;
    for run in runs {
        let mut at = [rows[0]; R];
        for (at, row) in at.iter_mut().zip(rows) {
            *at = row.wrapping_add(run.offset);
        }
        // With a constant number of steps the inner loop is unrolled, which short runs need most.
        let mut word = 0;
        for _ in 0..run.words / PREFETCH_STEPS {
            prefetch.fetch(lanes);
            for _ in 0..PREFETCH_STEPS {
                // SAFETY: `weights` runs once over the panel's words, `V` vectors each, and `word` stays inside the run.
                unsafe { step::<P, R, V>(product, &at, word, weights, &mut sums) };
                weights = weights.wrapping_add(V * P::Lanes::COUNT);
                word += 1;
            }
        }
        for _ in 0..run.words % PREFETCH_STEPS {
            // SAFETY: as above.
            unsafe { step::<P, R, V>(product, &at, word, weights, &mut sums) };
            weights = weights.wrapping_add(V * P::Lanes::COUNT);
            word += 1;
        }
    }
    sums
}

/// # Safety
/// `word` must be readable after each of `at`, and `V` vectors at `weights`.
#[inline(always)]
unsafe fn step<P: Product, const R: usize, const V: usize>(
    product: P,
    at: &[*const u32; R],
    word: usize,
    weights: *const u32,
    sums: &mut Sums<P, R, V>,
) {
    let lanes = product.lanes();
    let mut columns = [lanes.splat(0.0); V];
    for (v, vector) in columns.iter_mut().enumerate() {
        // SAFETY: as the caller promises.
        *vector = unsafe { lanes.load(weights.add(v * P::Lanes::COUNT).cast()) };
    }
    for (at, sums) in at.iter().zip(sums) {
        // SAFETY: as the caller promises.
        let input = unsafe { lanes.splat(*at.add(word).cast::<f32>()) };
        for (sum, columns) in sums.iter_mut().zip(columns) {
            *sum = product.multiply_add(input, columns, *sum);
        }
    }
}

/// Calls `$work::<…, R, …>` with the number of rows a constant, or a tile's sums would not stay in registers. `$most` is a
/// constant too, so that larger tiles than a make has are not compiled.
macro_rules! by_rows {
    ($rows:expr, $most:expr, $count:ident => $call:expr) => {{
        macro_rules! arm {
            ($n:literal) => {{
                const $count: usize = $n;
                $call
            }};
        }
        match $rows {
            1 => arm!(1),
            2 if $most >= 2 => arm!(2),
            3 if $most >= 3 => arm!(3),
            4 if $most >= 4 => arm!(4),
            5 if $most >= 5 => arm!(5),
            6 if $most >= 6 => arm!(6),
            7 if $most >= 7 => arm!(7),
            8 if $most >= 8 => arm!(8),
            rows => unreachable!("a tile of {rows} rows"),
        }
    }};
}
pub(crate) use by_rows;

/// How rows are cut into tiles: all are about as high, the first ones one row higher than the others if need be.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    pub(crate) count: usize,
    height: usize,
    higher: usize,
}

impl Tiles {
    /// Tiles of at most `most` rows.
    #[inline(always)]
    pub(crate) fn new(rows: usize, most: usize) -> Self {
        let count = rows.div_ceil(most).max(1);
        Self {
            count,
            height: rows / count,
            higher: rows % count,
        }
    }

    /// Rows of tile `index`.
    #[inline(always)]
    pub(crate) fn height(self, index: usize) -> usize {
        self.height + usize::from(index < self.higher)
    }
}

/// Part `index` of `parts` about equal parts of `0..all`.
pub(crate) fn part(index: usize, parts: usize, all: usize) -> std::ops::Range<usize> {
    index * all / parts..(index + 1) * all / parts
}

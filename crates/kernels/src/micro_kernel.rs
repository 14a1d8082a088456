//! The micro-kernel of all matrix products: a tile of up to MR rows by one panel of NR columns, all sums in registers. As in
//! BLIS, it reads a micro-panel of A (inputs) and a micro-panel of B (weights), both packed.

#![expect(unsafe_code, reason = "unchecked reads in the innermost loop")]

use crate::lanes::Lanes;
use crate::product::{Product, VECTORS, Vector};

/// The largest MR and NR of any make.
pub(crate) const MAX_MR: usize = 14;
pub(crate) const MAX_NR: usize = VECTORS * 16;

/// The sums of a tile, row by row, as many columns each as a panel of its make has.
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [f32; MAX_MR * MAX_NR]);

impl Sums {
    pub(crate) const fn new() -> Self {
        Self([0.0; MAX_MR * MAX_NR])
    }
}

/// What a tile is the product of.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// Words of A: the rows' beside one another, and `a_stride` words on those of the next step.
    pub(crate) a: *const u32,
    pub(crate) a_stride: usize,
    /// Words of B: a panel's columns beside one another, step after step.
    pub(crate) b: *const u32,
    /// How many steps: words of a column of B.
    pub(crate) k: usize,
    pub(crate) prefetch: PrefetchShare,
}

/// The panel that is read after the one at hand. It is prefetched evenly over all tiles of this one.
#[derive(Clone, Copy)]
pub(crate) struct Prefetch {
    words: *const u32,
    /// Words for each tile.
    share: usize,
    /// Words for every `PREFETCH_STEPS` of a tile.
    stride: usize,
}

/// What one tile prefetches.
#[derive(Clone, Copy)]
pub(crate) struct PrefetchShare {
    next: *const u32,
    stride: usize,
}

impl Prefetch {
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
    pub(crate) fn share(self, index: usize) -> PrefetchShare {
        PrefetchShare {
            next: self.words.wrapping_add(index * self.share / LINE * LINE),
            stride: self.stride,
        }
    }
}

impl PrefetchShare {
    pub(crate) const NONE: Self = Self {
        next: std::ptr::null(),
        stride: 0,
    };

    /// What is read in one go with `words`, as fast as they are, `STREAM_AHEAD` words on.
    #[inline(always)]
    pub(crate) fn streaming<P: Product>(words: &[u32]) -> Self {
        Self {
            next: words.as_ptr().wrapping_add(STREAM_AHEAD),
            stride: PREFETCH_STEPS * VECTORS * P::Lanes::COUNT,
        }
    }

    /// Prefetches some more. To be called every `PREFETCH_STEPS`.
    #[inline(always)]
    pub(crate) fn fetch<L: Lanes>(&mut self, lanes: L) {
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
/// `rows` must be 1 to `P::MR`, and so many rows writable at `to`; with `k` rows of A and of B readable.
#[inline(always)]
pub(crate) unsafe fn micro_kernel<P: Product>(
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
                $($count if P::MR >= $count => unsafe { tile::<P, $count>(product, operands, to) },)*
                _ => unreachable!("a tile of {rows} rows"),
            }
        };
    }
    by_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// # Safety
/// As for [`micro_kernel`].
#[inline(always)]
unsafe fn tile<P: Product, const ROWS: usize>(product: P, operands: Operands, to: *mut f32) {
    let lanes = product.lanes();
    let nr = VECTORS * P::Lanes::COUNT;
    let Operands {
        mut a,
        a_stride,
        mut b,
        k,
        mut prefetch,
    } = operands;
    let mut sums = [[lanes.splat(0.0); VECTORS]; ROWS];
    for _ in 0..k / PREFETCH_STEPS {
        prefetch.fetch(lanes);
        for _ in 0..PREFETCH_STEPS {
            // SAFETY: the loops take `k` steps in all, each a row of A and one of B.
            unsafe {
                step(product, a, b, &mut sums);
                a = a.add(a_stride);
                b = b.add(nr);
            }
        }
    }
    for _ in 0..k % PREFETCH_STEPS {
        // SAFETY: as above.
        unsafe {
            step(product, a, b, &mut sums);
            a = a.add(a_stride);
            b = b.add(nr);
        }
    }
    for (r, row) in sums.iter().enumerate() {
        for (v, sum) in row.iter().enumerate() {
            // SAFETY: `to` has room for the tile, as the caller promises.
            unsafe { lanes.store(to.add(r * nr + v * P::Lanes::COUNT), *sum) }
        }
    }
}

/// The rank-1 update of a step: the tile's words of A by the panel's words of B.
///
/// # Safety
/// A row of A and one of B must be readable.
#[inline(always)]
unsafe fn step<P: Product, const ROWS: usize>(
    product: P,
    a: *const u32,
    b: *const u32,
    sums: &mut [[Vector<P>; VECTORS]; ROWS],
) {
    let lanes = product.lanes();
    let mut columns = [lanes.splat(0.0); VECTORS];
    for (v, vector) in columns.iter_mut().enumerate() {
        // SAFETY: a row of B is a panel's words, as the caller promises.
        *vector = unsafe { lanes.load(b.add(v * P::Lanes::COUNT).cast()) };
    }
    for (r, row) in sums.iter_mut().enumerate() {
        // SAFETY: a row of A has at least `ROWS` words, as the caller promises.
        let word = unsafe { lanes.splat(*a.add(r).cast::<f32>()) };
        for (sum, column) in row.iter_mut().zip(columns) {
            *sum = product.multiply_add(word, column, *sum);
        }
    }
}

//! Numbers as words of 32 bits, in the order in which tiles read them.

#![expect(unsafe_code, reason = "vector loads and stores")]

use crate::lanes::Lanes;
use crate::product::{Product, VECTORS, WithProduct};
use crate::tile::MOST_ROWS;
use crate::{Isa, Precision};

/// How two operands lie in memory, which depends on the instruction set and the precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Columns of a panel.
    pub(crate) columns: usize,
    /// Most rows of a tile.
    pub(crate) rows: usize,
    /// Terms of a sum in one word of weights.
    pub(crate) weight_terms: usize,
    /// Terms of a sum in one word of inputs.
    pub(crate) input_terms: usize,
    /// Terms of a sum in one pass over the depth: what keeps a panel in the first cache.
    pub(crate) chunk: usize,
    precision: Precision,
}

/// Words of a panel in one pass over the depth, at most: 24 KiB, which leaves room for the rows of a tile in a first
/// cache of 32 KiB.
const PANEL_WORDS: usize = 6144;

impl Layout {
    /// Whether weights are kept in pairs that the product cannot read.
    pub(crate) fn widens(self) -> bool {
        self.weight_terms != self.input_terms
    }

    pub(crate) fn new(isa: Isa, precision: Precision) -> Self {
        struct Describe(Precision);
        impl WithProduct for Describe {
            type Output = Layout;
            #[inline(always)]
            fn run<P: Product>(self, _: P) -> Layout {
                let columns = VECTORS * P::Lanes::COUNT;
                let weight_terms = match self.0 {
                    Precision::F32 => 1,
                    Precision::Bf16 => 2,
                };
                Layout {
                    columns,
                    rows: P::ROWS,
                    weight_terms,
                    input_terms: P::TERMS,
                    chunk: PANEL_WORDS / columns * P::TERMS,
                    precision: self.0,
                }
            }
        }
        isa.with_product(precision, Describe(precision))
    }

    /// The word that stands for `terms`, as many as `weight_terms` or fewer at the end of a sum.
    pub(crate) fn weight_word(self, terms: impl Iterator<Item = f32>) -> u32 {
        match self.precision {
            Precision::F32 => terms.map(f32::to_bits).next().unwrap_or(0),
            Precision::Bf16 => pair(terms),
        }
    }
}

/// How numbers become a word of inputs.
trait Word {
    /// Numbers in a word.
    const TERMS: usize;

    /// Of one number, `later` is not looked at.
    fn of(earlier: f32, later: f32) -> u32;
}

struct Plain;
struct Rounded;
struct Paired;

impl Word for Plain {
    const TERMS: usize = 1;

    #[inline(always)]
    fn of(term: f32, _: f32) -> u32 {
        term.to_bits()
    }
}

impl Word for Rounded {
    const TERMS: usize = 1;

    #[inline(always)]
    fn of(term: f32, _: f32) -> u32 {
        u32::from(bf16(term)) << 16
    }
}

impl Word for Paired {
    const TERMS: usize = 2;

    #[inline(always)]
    fn of(earlier: f32, later: f32) -> u32 {
        u32::from(bf16(earlier)) | u32::from(bf16(later)) << 16
    }
}

/// Writes rows of weights, all of one length and as many as a panel has columns, as a tile reads them: step by step the
/// words of all columns. `to` is filled up with zeros where it has room for more.
pub(crate) fn pack_panel(layout: Layout, rows: &[&[f32]], to: &mut [u32]) {
    assert_eq!(rows.len(), layout.columns);
    match layout.precision {
        Precision::F32 => interleave::<Plain>(rows, to),
        Precision::Bf16 => interleave::<Paired>(rows, to),
    }
}

/// Writes rows of inputs, all of one length and as many as a tile's at most, as a tile reads them: term by term (or pair
/// by pair) the words of all rows. `to` is filled up with zeros where it has room for more.
pub(crate) fn pack_rows<'a>(
    layout: Layout,
    rows: impl ExactSizeIterator<Item = &'a [f32]>,
    to: &mut [u32],
) {
    let count = rows.len();
    assert!(count <= MOST_ROWS);
    let mut all: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
    for (to, row) in all.iter_mut().zip(rows) {
        *to = row;
    }
    let rows = &all[..count];
    match (layout.precision, layout.input_terms) {
        (Precision::F32, _) => interleave::<Plain>(rows, to),
        (Precision::Bf16, 1) => interleave::<Rounded>(rows, to),
        (Precision::Bf16, _) => interleave::<Paired>(rows, to),
    }
}

/// Writes numbers as the words of inputs, in their order. `to` is filled up with a zero where its last word has room for more.
pub(crate) fn copy_words(layout: Layout, from: &[f32], to: &mut [u32]) {
    match (layout.precision, layout.input_terms) {
        (Precision::F32, _) => interleave_rows::<Plain, 1>(&[from], to),
        (Precision::Bf16, 1) => interleave_rows::<Rounded, 1>(&[from], to),
        (Precision::Bf16, _) => interleave_rows::<Paired, 1>(&[from], to),
    }
}

/// Makes two rows of `f32` of each row of `columns` bf16 pairs.
#[inline(always)]
pub(crate) fn widen<'a, L: Lanes>(
    lanes: L,
    columns: usize,
    pairs: &[u32],
    to: &'a mut [u32],
) -> &'a [u32] {
    assert!(columns.is_multiple_of(L::COUNT));
    let to = &mut to[..2 * pairs.len()];
    for (pairs, rows) in pairs
        .chunks_exact(columns)
        .zip(to.chunks_exact_mut(2 * columns))
    {
        for column in (0..columns).step_by(L::COUNT) {
            // SAFETY: both slices have been cut to whole rows of columns.
            unsafe {
                let words = lanes.load(pairs.as_ptr().add(column).cast());
                let low = rows.as_mut_ptr().add(column).cast();
                lanes.store(low, lanes.low_halves(words));
                lanes.store(low.add(columns), lanes.high_halves(words));
            }
        }
    }
    to
}

fn interleave<W: Word>(rows: &[&[f32]], to: &mut [u32]) {
    // With the number of rows a constant the loop over them is unrolled, which makes it several times as fast.
    macro_rules! by_rows {
        ($($count:literal)*) => {
            match rows.len() {
                $($count => interleave_rows::<W, $count>(rows, to),)*
                0 => {}
                count => unreachable!("{count} rows side by side"),
            }
        };
    }
    by_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 16 32);
}

fn interleave_rows<W: Word, const ROWS: usize>(rows: &[&[f32]], to: &mut [u32]) {
    let len = rows[0].len();
    let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &rows[r][..len]);
    let (whole, rest) = to.split_at_mut(len / W::TERMS * ROWS);
    for (step, to) in whole.chunks_exact_mut(ROWS).enumerate() {
        let (earlier, later) = (step * W::TERMS, step * W::TERMS + W::TERMS - 1);
        for (to, row) in to.iter_mut().zip(rows) {
            *to = W::of(row[earlier], row[later]);
        }
    }
    rest.fill(0);
    if !len.is_multiple_of(W::TERMS) {
        for (to, row) in rest.iter_mut().zip(rows) {
            *to = W::of(row[len - 1], 0.0);
        }
    }
}

/// Writes columns of an input as a tile reads rows: `rows` are the terms of the sums, each with a number for every one of
/// `columns` tile rows.
pub(crate) fn pack_columns<'a>(
    layout: Layout,
    rows: impl Iterator<Item = &'a [f32]>,
    columns: usize,
    to: &mut [u32],
) {
    match (layout.precision, layout.input_terms) {
        (Precision::F32, _) => stack::<Plain>(rows, columns, to),
        (Precision::Bf16, 1) => stack::<Rounded>(rows, columns, to),
        (Precision::Bf16, _) => stack::<Paired>(rows, columns, to),
    }
}

fn stack<'a, W: Word>(mut rows: impl Iterator<Item = &'a [f32]>, columns: usize, to: &mut [u32]) {
    const NONE: [f32; MOST_ROWS] = [0.0; MOST_ROWS];
    for to in to.chunks_exact_mut(columns) {
        let earlier = rows.next().unwrap_or(&NONE);
        let later = match W::TERMS {
            1 => earlier,
            _ => rows.next().unwrap_or(&NONE),
        };
        for ((to, &earlier), &later) in to.iter_mut().zip(earlier).zip(later) {
            *to = W::of(earlier, later);
        }
    }
}

#[inline(always)]
fn pair(mut terms: impl Iterator<Item = f32>) -> u32 {
    let mut half = || terms.next().map_or(0, |term| u32::from(bf16(term)));
    half() | half() << 16
}

/// Rounds to the nearest bf16, ties to even. NaN stays NaN.
#[inline(always)]
pub(crate) fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16;
    if value.is_nan() {
        (bits >> 16) as u16 | 0x40
    } else {
        rounded
    }
}

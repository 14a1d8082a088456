//! Numbers as words of 32 bits, in the order in which tiles read them.

#![expect(unsafe_code, reason = "vector loads and stores")]

use crate::lanes::Lanes;
use crate::product::{Product, VECTORS, WithProduct};
use crate::{Isa, Precision};

/// How two operands are packed, which depends on the instruction set and the precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Columns of the micro-kernel's tile, and of a packed panel.
    pub(crate) nr: usize,
    /// Most rows of the micro-kernel's tile.
    pub(crate) mr: usize,
    /// Terms of a sum in one word of weights.
    pub(crate) weight_terms: usize,
    /// Terms of a sum in one word of inputs.
    pub(crate) input_terms: usize,
    /// Terms of a sum in one pass over the depth, at most.
    pub(crate) kc: usize,
    pub(crate) precision: Precision,
}

/// Words of a column in one pass over the depth, at most, BLIS's KC. A panel of 16 columns has 24 KiB then and stays in the first cache;
/// one of 32 has 48 and comes from the second, which is near enough, as sums that go through memory less often are worth more.
const KC: usize = 384;

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
                let weight_terms = match self.0 {
                    Precision::F32 => 1,
                    Precision::Bf16 => 2,
                };
                Layout {
                    nr: VECTORS * P::Lanes::COUNT,
                    mr: P::MR,
                    weight_terms,
                    input_terms: P::TERMS,
                    kc: KC * P::TERMS,
                    precision: self.0,
                }
            }
        }
        isa.with_product(precision, Describe(precision))
    }

    /// The word that stands for `terms`, as many as `weight_terms` or fewer at the end of a sum.
    pub(crate) fn weight_word(self, mut terms: impl Iterator<Item = f32>) -> u32 {
        let mut next = || terms.next().unwrap_or(0.0);
        match self.precision {
            Precision::F32 => Plain::of(next(), 0.0),
            Precision::Bf16 => Paired::of(next(), next()),
        }
    }
}

/// How numbers become a word of weights.
trait Word {
    /// Numbers in a word.
    const TERMS: usize;

    /// Of one number, `later` is not looked at.
    fn of(earlier: f32, later: f32) -> u32;
}

struct Plain;
struct Paired;

impl Word for Plain {
    const TERMS: usize = 1;

    #[inline(always)]
    fn of(term: f32, _: f32) -> u32 {
        term.to_bits()
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
    assert_eq!(rows.len(), layout.nr);
    match layout.precision {
        Precision::F32 => interleave::<Plain>(rows, to),
        Precision::Bf16 => interleave::<Paired>(rows, to),
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
                count => unreachable!("{count} rows side by side"),
            }
        };
    }
    by_rows!(16 32);
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

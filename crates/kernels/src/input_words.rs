//! Inputs of a product made into words, a vector at a time, in the orders in which tiles read them.

#![expect(unsafe_code, reason = "vector loads and stores")]

use crate::Precision;
use crate::lanes::{Lanes, MOST_LANES};
use crate::product::{Product, Vector};

/// Makes words of the inputs of one make of product.
#[derive(Clone, Copy)]
pub(crate) struct InputWords<P: Product> {
    product: P,
    /// Whether bf16 is multiplied as `f32` here.
    rounds: bool,
    /// What every number is multiplied with before it becomes a word's.
    scale: Vector<P>,
}

impl<P: Product> InputWords<P> {
    #[inline(always)]
    pub(crate) fn new(product: P, precision: Precision) -> Self {
        Self {
            product,
            rounds: P::TERMS == 1 && precision == Precision::Bf16,
            scale: product.lanes().splat(1.0),
        }
    }

    #[inline(always)]
    pub(crate) fn scaled(self, scale: f32) -> Self {
        let scale = self.product.lanes().splat(scale);
        Self { scale, ..self }
    }

    /// Writes numbers as words, in their order. `to` is filled up with a zero where its last word has room for more.
    #[inline(always)]
    pub(crate) fn copy(self, from: &[f32], to: &mut [u32]) {
        let words = from.len().div_ceil(P::TERMS);
        assert!(to.len() >= words);
        let lanes = self.product.lanes();
        for at in (0..words).step_by(P::Lanes::COUNT) {
            let numbers = from.len() - at * P::TERMS;
            // SAFETY: so many numbers and words are left.
            unsafe {
                let vector = self.words(from.as_ptr().add(at * P::TERMS), numbers);
                lanes.store_up_to(to.as_mut_ptr().add(at).cast(), vector, words - at);
            }
        }
    }

    /// Writes `rows`, all of one length and no more than a vector has lanes, beside one another: step by step a word of each
    /// row, and `stride` words on those of the next step. The words after a step's may be overwritten up to a vector's
    /// length, unless they lie behind the last step's. More steps in `to` are filled up with zeros.
    #[inline(always)]
    pub(crate) fn interleave(self, rows: &[&[f32]], stride: usize, to: &mut [u32]) {
        let count = rows.len();
        assert!((1..=P::Lanes::COUNT).contains(&count) && stride >= count);
        let len = rows[0].len();
        let steps = len.div_ceil(P::TERMS);
        let mut starts = [rows[0].as_ptr(); MOST_LANES];
        for (start, row) in starts.iter_mut().zip(rows) {
            assert!(row.len() == len);
            *start = row.as_ptr();
        }
        assert!(steps == 0 || to.len() >= (steps - 1) * stride + count);
        let lanes = self.product.lanes();
        let mut square = [lanes.splat(0.0); MOST_LANES];
        for step in (0..steps).step_by(P::Lanes::COUNT) {
            let term = step * P::TERMS;
            for (vector, start) in square.iter_mut().zip(starts).take(P::Lanes::COUNT) {
                // SAFETY: every start is a row's, and so many numbers are left of it.
                *vector = unsafe { self.words(start.add(term), len - term) };
            }
            let columns = lanes.transpose(square);
            let columns = columns.iter().take(P::Lanes::COUNT).enumerate();
            for (i, vector) in columns.take_while(|(i, _)| step + i < steps) {
                put(lanes, *vector, &mut to[(step + i) * stride..], count);
            }
        }
        if let Some(rest) = to.get_mut(steps * stride..) {
            rest.fill(0);
        }
    }

    /// Writes columns of an input as rows that lie beside one another, and `stride` words on those of the next step: `rows` are
    /// the terms, each with a number for every one of `columns`, no more than a vector has lanes; what is behind them is not
    /// used. Missing terms are zeros. The words after a step's may be overwritten as by [`InputWords::interleave`].
    #[inline(always)]
    pub(crate) fn stack<'a>(
        self,
        mut rows: impl Iterator<Item = &'a [f32]>,
        columns: usize,
        stride: usize,
        to: &mut [u32],
    ) {
        assert!((1..=P::Lanes::COUNT).contains(&columns) && stride >= columns);
        let lanes = self.product.lanes();
        let zero = lanes.splat(0.0);
        let mut next = || match rows.next() {
            Some(row) => {
                assert!(row.len() >= columns);
                // SAFETY: so many numbers are there.
                unsafe { self.numbers(row.as_ptr(), row.len()) }
            }
            None => zero,
        };
        for at in (0..to.len()).step_by(stride) {
            let earlier = next();
            let later = if P::TERMS == 2 { next() } else { zero };
            let word = self.rounded(self.product.word([earlier, later]));
            let to = &mut to[at..];
            let count = columns.min(to.len());
            put(lanes, word, to, count);
        }
    }

    /// A vector of the words of as many numbers as it has room for, of `count` there are.
    ///
    /// # Safety
    /// `count` numbers must be readable.
    #[inline(always)]
    unsafe fn words(self, from: *const f32, count: usize) -> Vector<P> {
        // SAFETY: as the caller promises.
        unsafe {
            let first = self.numbers(from, count);
            let second = if P::TERMS == 2 && count > P::Lanes::COUNT {
                self.numbers(from.add(P::Lanes::COUNT), count - P::Lanes::COUNT)
            } else {
                self.product.lanes().splat(0.0)
            };
            self.rounded(self.product.words([first, second]))
        }
    }

    /// # Safety
    /// As for [`InputWords::words`].
    #[inline(always)]
    unsafe fn numbers(self, from: *const f32, count: usize) -> Vector<P> {
        let lanes = self.product.lanes();
        // SAFETY: as the caller promises.
        let numbers = unsafe { lanes.load_up_to(from, count) };
        lanes.mul(numbers, self.scale)
    }

    #[inline(always)]
    fn rounded(self, words: Vector<P>) -> Vector<P> {
        if self.rounds {
            self.product.lanes().rounded_to_bf16(words)
        } else {
            words
        }
    }
}

/// Stores the first `count` lanes of `words` at the start of `to`. Where there is room all of them, which is cheaper: the next
/// words overwrite what is too much.
#[inline(always)]
fn put<L: Lanes>(lanes: L, words: L::Vector, to: &mut [u32], count: usize) {
    assert!(count <= to.len());
    let place = to.as_mut_ptr().cast();
    // SAFETY: so many words are there.
    unsafe {
        if to.len() >= L::COUNT {
            lanes.store(place, words);
        } else {
            lanes.store_first(place, words, count);
        }
    }
}

//! Attention of a few queries over keys and values that are all there before the first query comes, such as an image's.

#![expect(unsafe_code, reason = "tiles, and memory that is written in parallel")]

use rayon::prelude::*;

use super::softmax::softmax;
use crate::buffer::{Shared, Words, written};
use crate::input_words::InputWords;
use crate::lanes::{Lanes, MOST_LANES};
use crate::product::{Product, VECTORS, WithProduct};
use crate::rows::part;
use crate::tile::{MOST_ROWS, Operands, Sums, Wanted, multiply};
use crate::words::Layout;
use crate::{Isa, Precision};

/// Keys and values that every query sees, packed like the weights of two linear layers for each head: of one the outputs are
/// scores, of the other the inputs are shares.
///
/// A few queries are done as soon as all of it has been read, so that bf16 is worth half the time. As in
/// [`attention`](super::attention), it is taken only where the processor multiplies it.
#[derive(Clone, Debug)]
pub struct PackedKeyValues {
    isa: Isa,
    layout: Layout,
    rows: usize,
    heads: usize,
    head_size: usize,
    /// Head by head its keys, panels of columns that are rows, and its values, panels of columns that are a head's numbers.
    words: Words,
}

impl PackedKeyValues {
    /// Packs `keys` and `values`, each `[rows, width]`, a row's numbers being those of its `heads` side by side.
    ///
    /// Splits the heads over the threads of the rayon pool that it is called in.
    ///
    /// # Panics
    /// When there are no rows, they are not whole or not as many of both, or `heads` does not divide their width.
    #[must_use]
    pub fn new(
        isa: Isa,
        precision: Precision,
        keys: &[f32],
        values: &[f32],
        width: usize,
        heads: usize,
    ) -> Self {
        assert!(
            heads > 0 && width > 0 && width.is_multiple_of(heads),
            "{heads} heads of rows of {width}"
        );
        assert!(
            !keys.is_empty() && keys.len().is_multiple_of(width),
            "{} numbers are no whole rows of {width}",
            keys.len()
        );
        assert_eq!(keys.len(), values.len(), "values length");
        let precision = if isa.multiplies_bf16() {
            precision
        } else {
            Precision::F32
        };
        let mut packed = Self {
            isa,
            layout: Layout::new(isa, precision),
            rows: keys.len() / width,
            heads,
            head_size: width / heads,
            words: Words::default(),
        };
        let [key_words, value_words] = packed.head_words();
        let mut words = Words::zeroed(heads * (key_words + value_words));
        let each = words.as_mut_slice().par_chunks_mut(key_words + value_words);
        each.enumerate().for_each(|(head, to)| {
            let (key_words, value_words) = to.split_at_mut(key_words);
            let pack = Pack {
                packed: &packed,
                head,
                keys,
                values,
                key_words,
                value_words,
            };
            isa.with_product(precision, pack);
        });
        packed.words = words;
        packed
    }

    /// `softmax(q · kᵀ / sqrt(head_size)) · v` for each head and each of `queries`, `[queries, width]`: the same shape.
    ///
    /// Splits the heads over the threads of the rayon pool that it is called in.
    ///
    /// # Panics
    /// When `queries` are not whole.
    #[must_use]
    pub fn attend(&self, queries: &[f32]) -> Vec<f32> {
        let width = self.width();
        assert!(
            queries.len().is_multiple_of(width),
            "{} numbers are no whole queries of {width}",
            queries.len()
        );
        let count = queries.len() / width;
        let stripes = count.div_ceil(self.layout.rows);
        let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
            let to = Shared::new(to.as_mut_ptr().cast::<f32>());
            let heads = (0..self.heads).into_par_iter().with_max_len(1);
            heads.for_each(|head| {
                for stripe in 0..stripes {
                    let attend = Attend {
                        packed: self,
                        head,
                        queries,
                        stripe: part(stripe, stripes, count),
                        to,
                    };
                    self.isa.with_product(self.layout.precision, attend);
                }
            });
        };
        // SAFETY: the heads cover every column of every query's row, so every element is written.
        unsafe { written(queries.len(), write) }
    }

    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.heads * self.head_size
    }

    /// Words of one head's keys and values.
    fn head_words(&self) -> [usize; 2] {
        let Layout {
            columns,
            input_terms,
            ..
        } = self.layout;
        [(self.rows, self.head_size), (self.head_size, self.rows)].map(|(outputs, inputs)| {
            inputs.div_ceil(input_terms) * outputs.next_multiple_of(columns)
        })
    }
}

/// One head's keys and values, to be packed.
struct Pack<'a> {
    packed: &'a PackedKeyValues,
    head: usize,
    keys: &'a [f32],
    values: &'a [f32],
    key_words: &'a mut [u32],
    value_words: &'a mut [u32],
}

impl WithProduct for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let PackedKeyValues {
            layout,
            rows,
            head_size,
            ..
        } = *self.packed;
        let (columns, width) = (layout.columns, self.packed.width());
        let input_words = InputWords::new(product, layout.precision);
        let from = |numbers, row| -> &[f32] {
            &<[f32]>::split_at(numbers, row * width).1[self.head * head_size..]
        };

        let panel_words = head_size.div_ceil(P::TERMS) * columns;
        for (panel, to) in self.key_words.chunks_exact_mut(panel_words).enumerate() {
            for v in 0..VECTORS {
                let mut keys: [&[f32]; MOST_LANES] = [&[]; MOST_LANES];
                let first = panel * columns + v * P::Lanes::COUNT;
                for (i, key) in keys.iter_mut().enumerate().take(P::Lanes::COUNT) {
                    // Where there are no more the last one is taken again, and what comes of it does not count.
                    *key = &from(self.keys, (first + i).min(rows - 1))[..head_size];
                }
                let to = &mut to[v * P::Lanes::COUNT..];
                input_words.interleave(&keys[..P::Lanes::COUNT], columns, to);
            }
        }
        let panel_words = rows.div_ceil(P::TERMS) * columns;
        for (panel, to) in self.value_words.chunks_exact_mut(panel_words).enumerate() {
            for v in 0..VECTORS {
                let first = panel * columns + v * P::Lanes::COUNT;
                let used = P::Lanes::COUNT.min(head_size.saturating_sub(first));
                if used > 0 {
                    let values = (0..rows).map(|row| &from(self.values, row)[first..]);
                    input_words.stack(values, used, columns, &mut to[v * P::Lanes::COUNT..]);
                }
            }
        }
    }
}

/// One head of as many queries as a tile has rows, at most.
struct Attend<'a> {
    packed: &'a PackedKeyValues,
    head: usize,
    queries: &'a [f32],
    stripe: std::ops::Range<usize>,
    to: Shared<f32>,
}

impl WithProduct for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let PackedKeyValues {
            layout,
            rows,
            head_size,
            ref words,
            ..
        } = *self.packed;
        let (columns, width) = (layout.columns, self.packed.width());
        assert!(columns == VECTORS * P::Lanes::COUNT && layout.rows == P::ROWS);
        let lanes = product.lanes();
        let count = self.stripe.len();
        let [key_words, value_words] = self.packed.head_words();
        let words = &words.as_slice()[self.head * (key_words + value_words)..];
        let (keys, values) = words[..key_words + value_words].split_at(key_words);

        // A power of two for the usual sizes, so that nothing is rounded by it.
        let scale = (head_size as f32).sqrt().recip();
        let input_words = InputWords::new(product, layout.precision);
        let mut queries: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
        for (query, index) in queries.iter_mut().zip(self.stripe.clone()) {
            *query = &self.queries[index * width + self.head * head_size..][..head_size];
        }
        let depth = head_size.div_ceil(P::TERMS);
        let mut inputs = Words::zeroed(count * depth);
        let to = inputs.as_mut_slice();
        input_words
            .scaled(scale)
            .interleave(&queries[..count], count, to);

        let padded = rows.next_multiple_of(columns);
        let mut shares = vec![0.0; count * padded];
        let mut totals = [0.0; MOST_ROWS];
        let mut sums = Sums::new();
        for (panel, words) in keys.chunks_exact(depth * columns).enumerate() {
            product_of(product, inputs.as_slice(), count, words, &mut sums);
            for (row, sums) in shares
                .chunks_exact_mut(padded)
                .zip(sums.0.chunks_exact(columns))
            {
                row[panel * columns..][..columns].copy_from_slice(sums);
            }
        }
        for (row, total) in shares.chunks_exact_mut(padded).zip(&mut totals) {
            // Columns behind the last key must not win the softmax; their share is taken as nothing.
            row[rows..].fill(f32::MIN);
            *total = softmax(lanes, row, rows);
        }

        let depth = rows.div_ceil(P::TERMS);
        let mut inputs = Words::zeroed(count * depth);
        let mut seen: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
        for (seen, row) in seen.iter_mut().zip(shares.chunks_exact(padded)) {
            *seen = &row[..rows];
        }
        input_words.interleave(&seen[..count], count, inputs.as_mut_slice());
        for (panel, words) in values.chunks_exact(depth * columns).enumerate() {
            product_of(product, inputs.as_slice(), count, words, &mut sums);
            for ((index, sums), total) in self
                .stripe
                .clone()
                .zip(sums.0.chunks_exact(columns))
                .zip(totals)
            {
                for v in 0..VECTORS {
                    let first = panel * columns + v * P::Lanes::COUNT;
                    let used = P::Lanes::COUNT.min(head_size.saturating_sub(first));
                    if used > 0 {
                        let to = self.to.at(index * width + self.head * head_size + first);
                        // SAFETY: a row of sums has a panel's columns; the place is inside this head's part of the query's
                        // answer, which is this task's alone.
                        unsafe {
                            let sum = lanes.load(sums.as_ptr().add(v * P::Lanes::COUNT));
                            lanes.store_up_to(to, lanes.div(sum, lanes.splat(total)), used);
                        }
                    }
                }
            }
        }
    }
}

/// The product of `inputs`, words of `rows` rows side by side, and of the panel that is `words`.
#[inline(always)]
fn product_of<P: Product>(product: P, inputs: &[u32], rows: usize, words: &[u32], sums: &mut Sums) {
    let steps = words.len() / (VECTORS * P::Lanes::COUNT);
    assert!((1..=P::ROWS).contains(&rows) && inputs.len() == rows * steps);
    let operands = Operands {
        input: inputs.as_ptr(),
        input_stride: rows,
        weights: words.as_ptr(),
        steps,
        wanted: Wanted::behind::<P>(words),
    };
    // SAFETY: the lengths were checked above, and `sums` has room for the largest tile.
    unsafe { multiply(product, rows, operands, sums.0.as_mut_ptr()) };
}

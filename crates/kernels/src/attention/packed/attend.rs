#![expect(unsafe_code, reason = "tiles, and output that is written in parallel")]

use std::ops::Range;

use super::PackedKeyValues;
use crate::attention::softmax::softmax;
use crate::buffer::{Shared, Words};
use crate::input_words::InputWords;
use crate::lanes::Lanes;
use crate::micro_kernel::{MAX_MR, Operands, PrefetchShare, Sums, micro_kernel};
use crate::product::{Product, VECTORS, WithProduct};

/// One head of as many queries as a tile has rows, at most.
pub(super) struct Attend<'a> {
    pub(super) packed: &'a PackedKeyValues,
    pub(super) head: usize,
    pub(super) queries: &'a [f32],
    pub(super) micro_panel: Range<usize>,
    /// `[queries, width]`.
    pub(super) to: Shared<f32>,
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
        let (columns, width) = (layout.nr, self.packed.width());
        assert!(columns == VECTORS * P::Lanes::COUNT && layout.mr == P::MR);
        let lanes = product.lanes();
        let count = self.micro_panel.len();
        let [key_words, value_words] = self.packed.head_words();
        let words = &words.as_slice()[self.head * (key_words + value_words)..];
        let (keys, values) = words[..key_words + value_words].split_at(key_words);

        // A power of two for the usual sizes, so that nothing is rounded by it.
        let scale = (head_size as f32).sqrt().recip();
        let input_words = InputWords::new(product, layout.precision);
        let mut queries: [&[f32]; MAX_MR] = [&[]; MAX_MR];
        for (query, index) in queries.iter_mut().zip(self.micro_panel.clone()) {
            *query = &self.packed.of_head(self.queries, index, self.head)[..head_size];
        }
        let depth = head_size.div_ceil(P::TERMS);
        let mut inputs = Words::zeroed(count * depth);
        let to = inputs.as_mut_slice();
        input_words
            .scaled(scale)
            .interleave(&queries[..count], count, to);

        let padded = rows.next_multiple_of(columns);
        let mut shares = vec![0.0; count * padded];
        let mut totals = [0.0; MAX_MR];
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
        let mut seen: [&[f32]; MAX_MR] = [&[]; MAX_MR];
        for (seen, row) in seen.iter_mut().zip(shares.chunks_exact(padded)) {
            *seen = &row[..rows];
        }
        input_words.interleave(&seen[..count], count, inputs.as_mut_slice());
        for (panel, words) in values.chunks_exact(depth * columns).enumerate() {
            product_of(product, inputs.as_slice(), count, words, &mut sums);
            for ((index, sums), total) in self
                .micro_panel
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
    assert!((1..=P::MR).contains(&rows) && inputs.len() == rows * steps);
    let operands = Operands {
        a: inputs.as_ptr(),
        a_stride: rows,
        b: words.as_ptr(),
        k: steps,
        prefetch: PrefetchShare::streaming::<P>(words),
    };
    // SAFETY: the lengths were checked above, and `sums` has room for the largest tile.
    unsafe { micro_kernel(product, rows, operands, sums.0.as_mut_ptr()) };
}

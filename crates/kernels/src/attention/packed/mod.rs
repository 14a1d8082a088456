//! Attention of a few queries over keys and values that are all there before the first query comes, such as an image's.

#![expect(unsafe_code, reason = "memory that is written in parallel")]

mod attend;
mod pack;

use rayon::prelude::*;

use crate::buffer::{Shared, Words, written};
use crate::rows::part;
use crate::words::Layout;
use crate::{Isa, Precision};
use attend::Attend;
use pack::Pack;

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
        let mut packed = Self {
            isa,
            layout: super::layout(isa, precision),
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
            isa.with_product(packed.layout.precision, pack);
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
        let micro_panels = count.div_ceil(self.layout.mr);
        let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
            let to = Shared::new(to.as_mut_ptr().cast::<f32>());
            let heads = (0..self.heads).into_par_iter().with_max_len(1);
            heads.for_each(|head| {
                for micro_panel in 0..micro_panels {
                    let attend = Attend {
                        packed: self,
                        head,
                        queries,
                        micro_panel: part(micro_panel, micro_panels, count),
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

    /// The numbers of `rows` from the first of one head of row `index` on.
    fn of_head<'a>(&self, rows: &'a [f32], index: usize, head: usize) -> &'a [f32] {
        &rows[index * self.width() + head * self.head_size..]
    }

    /// Words of one head's keys and values.
    fn head_words(&self) -> [usize; 2] {
        let Layout {
            nr, input_terms, ..
        } = self.layout;
        [(self.rows, self.head_size), (self.head_size, self.rows)]
            .map(|(outputs, inputs)| inputs.div_ceil(input_terms) * outputs.next_multiple_of(nr))
    }
}

use super::PackedKeyValues;
use crate::input_words::InputWords;
use crate::lanes::{Lanes, MOST_LANES};
use crate::product::{Product, VECTORS, WithProduct};

/// One head's keys and values, to be packed.
pub(super) struct Pack<'a> {
    pub(super) packed: &'a PackedKeyValues,
    pub(super) head: usize,
    pub(super) keys: &'a [f32],
    pub(super) values: &'a [f32],
    pub(super) key_words: &'a mut [u32],
    pub(super) value_words: &'a mut [u32],
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
        let columns = layout.nr;
        let input_words = InputWords::new(product, layout.precision);

        let panel_words = head_size.div_ceil(P::TERMS) * columns;
        for (panel, to) in self.key_words.chunks_exact_mut(panel_words).enumerate() {
            for v in 0..VECTORS {
                let mut keys: [&[f32]; MOST_LANES] = [&[]; MOST_LANES];
                let first = panel * columns + v * P::Lanes::COUNT;
                for (i, key) in keys.iter_mut().enumerate().take(P::Lanes::COUNT) {
                    // Where there are no more the last one is taken again, and what comes of it does not count.
                    *key = &self
                        .packed
                        .of_head(self.keys, (first + i).min(rows - 1), self.head)[..head_size];
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
                    let values = (0..rows)
                        .map(|row| &self.packed.of_head(self.values, row, self.head)[first..]);
                    input_words.stack(values, used, columns, &mut to[v * P::Lanes::COUNT..]);
                }
            }
        }
    }
}

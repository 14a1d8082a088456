use kernels::{PackedKeyValues, Precision};

use super::Attention;
use crate::tensor::Tensor;

/// Keys and values that are all there before the first query comes, and that every query sees. At bf16 they are bf16 where
/// that is so of [`Attention`].
#[derive(Clone, Debug)]
pub(crate) enum FixedKeyValues {
    Packed(PackedKeyValues),
}

impl Attention {
    /// Bytes of `rows` rows of `width` numbers that [`Attention::fix`] has made ready, or a little more: rows and a head's
    /// numbers are filled up to whole panels, which are narrower on some processors.
    pub(crate) fn fixed_bytes(&self, rows: usize, width: usize) -> usize {
        const WORD: usize = size_of::<u32>();
        const PANEL: usize = 32;
        let pairs = self.precision == Precision::Bf16 && self.isa.multiplies_bf16();
        let terms = if pairs { 2 } else { 1 };
        let size = width / self.heads;
        let keys = size.div_ceil(terms) * rows.next_multiple_of(PANEL);
        let values = rows.div_ceil(terms) * size.next_multiple_of(PANEL);
        self.heads * (keys + values) * WORD
    }

    /// Makes `keys` and `values`, each `[rows, width]`, ready to be attended to by [`Attention::over_fixed`].
    pub(crate) fn fix(&self, keys: &Tensor, values: &Tensor) -> FixedKeyValues {
        let [_, width] = keys.dims();
        assert_eq!(keys.shape(), values.shape(), "shapes of keys and values");
        FixedKeyValues::Packed(PackedKeyValues::new(
            self.isa,
            self.precision,
            keys.values(),
            values.values(),
            width,
            self.heads,
        ))
    }

    /// The answers to `queries`, `[queries, width]`, which all attend to everything in `fixed`.
    pub(crate) fn over_fixed(&self, queries: &Tensor, fixed: &FixedKeyValues) -> Tensor {
        let FixedKeyValues::Packed(packed) = fixed;
        let [_, width] = queries.dims();
        let expected = packed.width();
        assert_eq!(
            width, expected,
            "queries of {queries:?} for rows of {expected}"
        );
        Tensor::new(packed.attend(queries.values()), queries.shape())
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Attending, Precision};

    use super::FixedKeyValues;
    use crate::Placement;
    use crate::layers::{Attention, KeyValues, test_numbers};

    fn attention() -> Attention {
        Attention::on(3, &Placement::new(Precision::F32))
    }

    fn fixed() -> FixedKeyValues {
        attention().fix(&test_numbers(&[9, 24], 0.1), &test_numbers(&[9, 24], 0.2))
    }

    #[test]
    fn what_is_fixed_is_attended_to_as_what_is_written() {
        let queries = test_numbers(&[4, 24], 0.3);
        let mut written = KeyValues::empty(24);
        let rows: Vec<u32> = (0..9).collect();
        let (keys, values) = (test_numbers(&[9, 24], 0.1), test_numbers(&[9, 24], 0.2));
        written.write(&rows, &keys, &values);
        let all = Attending {
            queries: 4,
            rows: &rows,
        };
        let expected = attention().over(&queries, &written, &[all]);
        let got = attention().over_fixed(&queries, &fixed());
        assert_eq!(got.shape(), expected.shape());
        for (got, expected) in got.values().iter().zip(expected.values()) {
            assert!((got - expected).abs() <= 1e-5, "{got}, not {expected}");
        }
    }

    #[test]
    #[should_panic(expected = "queries of [4, 21] for rows of 24")]
    fn queries_that_do_not_fit_are_a_bug() {
        let _ = attention().over_fixed(&test_numbers(&[4, 21], 0.3), &fixed());
    }

    #[test]
    #[should_panic(expected = "left: [4, 24]\n right: [9, 24]")]
    fn keys_and_values_that_do_not_fit_are_a_bug() {
        let _ = attention().fix(&test_numbers(&[4, 24], 0.1), &test_numbers(&[9, 24], 0.2));
    }
}

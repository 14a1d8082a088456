use kernels::{Attending, CachedRows};

use super::Attention;
use crate::tensor::Tensor;

/// Keys and values that a decoder keeps, a row a token. A row may be written over.
#[derive(Clone, Debug)]
pub(crate) struct KeyValues {
    rows: Rows,
    width: usize,
}

#[derive(Clone, Debug)]
enum Rows {
    Slices { keys: Vec<f32>, values: Vec<f32> }, // each [rows, width]
}

impl KeyValues {
    /// Nothing yet; rows will have `width` numbers.
    pub(crate) fn empty(width: usize) -> Self {
        let (keys, values) = (Vec::new(), Vec::new());
        let rows = Rows::Slices { keys, values };
        Self { rows, width }
    }

    /// Makes room for `rows` rows in all, and no more.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let Rows::Slices { keys, values } = &mut self.rows;
        for numbers in [keys, values] {
            numbers.reserve_exact((rows * self.width).saturating_sub(numbers.len()));
        }
    }

    /// Writes `keys` and `values`, each `[rows, width]`, to the rows of these numbers, whatever those held. Other rows stay as
    /// they are.
    pub(crate) fn write(&mut self, rows: &[u32], keys: &Tensor, values: &Tensor) {
        let width = self.width;
        assert!(
            keys.shape() == [rows.len(), width] && values.shape() == keys.shape(),
            "keys of {keys:?} and values of {values:?} for {} rows of {width}",
            rows.len()
        );
        let Rows::Slices {
            keys: kept_keys,
            values: kept_values,
        } = &mut self.rows;
        put(kept_keys, rows, keys.values(), width);
        put(kept_values, rows, values.values(), width);
    }

    /// What it takes.
    pub(crate) fn bytes(&self) -> usize {
        let Rows::Slices { keys, values } = &self.rows;
        (keys.capacity() + values.capacity()) * size_of::<f32>()
    }
}

/// Writes `new` to `rows` of `kept`, which is longer afterwards if one of them is beyond its end.
fn put(kept: &mut Vec<f32>, rows: &[u32], new: &[f32], width: usize) {
    let end = rows.iter().max().map_or(0, |&last| last as usize + 1);
    kept.resize(kept.len().max(end * width), 0.0);
    for (&row, numbers) in rows.iter().zip(new.chunks_exact(width)) {
        kept[row as usize * width..][..width].copy_from_slice(numbers);
    }
}

impl Attention {
    /// The answers to `queries`, `[queries, width]`, where each of `groups` attends to rows of its own in `kept`.
    pub(crate) fn over(
        &self,
        queries: &Tensor,
        kept: &KeyValues,
        groups: &[Attending<'_>],
    ) -> Tensor {
        let (count, width) = (groups.iter().map(|group| group.queries).sum(), kept.width);
        assert!(
            queries.shape() == [count, width],
            "queries of {queries:?} for {count} rows of {width}"
        );
        let Rows::Slices { keys, values } = &kept.rows;
        let (queries, cache) = (queries.values(), CachedRows { keys, values });
        let answers =
            kernels::cached_attention(self.isa, queries, cache, width, self.heads, groups);
        Tensor::new(answers, &[count, width])
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Attending, Precision};

    use super::KeyValues;
    use crate::Placement;
    use crate::layers::{Attention, test_numbers};

    /// Rows come in any order, some twice, some after those that follow them: it is as if what was written last had been
    /// written at once.
    #[test]
    fn rows_are_written_over_and_the_others_stay() {
        let (keys, values) = (test_numbers(&[9, 24], 0.1), test_numbers(&[9, 24], 0.2));
        let (old_keys, old_values) = (test_numbers(&[9, 24], 7.1), test_numbers(&[9, 24], 7.2));
        let mut kept = KeyValues::empty(24);
        for rows in [&[1, 6][..], &[4, 2, 3], &[6], &[8, 0, 1]] {
            let (keys, values) = if rows.contains(&6) {
                (&old_keys, &old_values)
            } else {
                (&keys, &values)
            };
            kept.write(rows, &keys.gather_rows(rows), &values.gather_rows(rows));
        }
        kept.write(&[6], &keys.narrow(0, 6, 1), &values.narrow(0, 6, 1));
        let mut at_once = KeyValues::empty(24);
        at_once.write(&[0, 1, 2, 3, 4, 5, 6, 7, 8], &keys, &values);
        let group = [Attending {
            queries: 1,
            rows: &[8, 0, 6, 4, 3, 1, 2],
        }];
        let attention = Attention::on(3, &Placement::new(Precision::F32));
        let queries = test_numbers(&[1, 24], 0.3);
        let got = attention.over(&queries, &kept, &group);
        assert_eq!(
            got.values(),
            attention.over(&queries, &at_once, &group).values()
        );
        assert!(kept.bytes() >= 9 * 24 * 2 * 4, "{} bytes", kept.bytes());
    }

    #[test]
    fn room_is_as_much_as_was_asked_for() {
        let mut kept = KeyValues::empty(6);
        assert_eq!(kept.bytes(), 0);
        kept.reserve(5);
        assert_eq!(kept.bytes(), 5 * 6 * 2 * 4);
        let rows = test_numbers(&[2, 6], 0.1);
        kept.write(&[4, 1], &rows, &rows);
        kept.reserve(3);
        assert_eq!(kept.bytes(), 5 * 6 * 2 * 4);
        kept.reserve(7);
        assert_eq!(kept.bytes(), 7 * 6 * 2 * 4);
    }

    #[test]
    #[should_panic(expected = "keys of [2, 5] and values of [2, 5] for 2 rows of 6")]
    fn rows_that_do_not_fit_are_a_bug() {
        let rows = test_numbers(&[2, 5], 0.1);
        KeyValues::empty(6).write(&[0, 1], &rows, &rows);
    }

    #[test]
    #[should_panic(expected = "queries of [1, 6] for 2 rows of 6")]
    fn queries_that_do_not_fit_are_a_bug() {
        let mut kept = KeyValues::empty(6);
        let rows = test_numbers(&[2, 6], 0.1);
        kept.write(&[0, 1], &rows, &rows);
        let attention = Attention::on(2, &Placement::new(Precision::F32));
        let group = Attending {
            queries: 2,
            rows: &[1],
        };
        let _ = attention.over(&test_numbers(&[1, 6], 0.1), &kept, &[group]);
    }
}

use kernels::{Attending, CachedRows, Isa, PackedKeyValues, Precision, cached_attention};

use crate::reference::{Numbers, assert_close};

struct Case {
    heads: usize,
    head_size: usize,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Case {
    fn new(heads: usize, head_size: usize, queries: usize, rows: usize) -> Self {
        let mut numbers = Numbers::new((heads * 1000 + head_size) as u64);
        let mut take = |count: usize| numbers.take(count * heads * head_size);
        Self {
            heads,
            head_size,
            queries: take(queries).into_iter().map(|x| 3.0 * x).collect(),
            keys: take(rows),
            values: take(rows),
        }
    }

    fn width(&self) -> usize {
        self.heads * self.head_size
    }

    fn run(&self, isa: Isa, groups: &[Attending<'_>]) -> Vec<f32> {
        let cache = CachedRows {
            keys: &self.keys,
            values: &self.values,
        };
        cached_attention(isa, &self.queries, cache, self.width(), self.heads, groups)
    }

    /// The same where every query sees all rows.
    fn run_packed(&self, isa: Isa, precision: Precision) -> Vec<f32> {
        let (keys, values) = (&self.keys, &self.values);
        let packed = PackedKeyValues::new(isa, precision, keys, values, self.width(), self.heads);
        packed.attend(&self.queries)
    }

    fn expected(&self, groups: &[Attending<'_>]) -> Vec<f64> {
        let rows = groups
            .iter()
            .flat_map(|group| std::iter::repeat_n(group.rows, group.queries));
        let mut output = Vec::new();
        for (query, rows) in self.queries.chunks_exact(self.width()).zip(rows) {
            for head in 0..self.heads {
                let at = head * self.head_size;
                let part = |numbers: &[f32], row: u32| -> Vec<f64> {
                    let start = row as usize * self.width() + at;
                    let part = &numbers[start..start + self.head_size];
                    part.iter().map(|&x| f64::from(x)).collect()
                };
                let score = |&row: &u32| {
                    let key = part(&self.keys, row);
                    let products = query[at..].iter().zip(key).map(|(&q, k)| f64::from(q) * k);
                    products.sum::<f64>() / (self.head_size as f64).sqrt()
                };
                let shares: Vec<f64> = rows.iter().map(|row| score(row).exp()).collect();
                let total: f64 = shares.iter().sum();
                for i in 0..self.head_size {
                    let products = rows.iter().zip(&shares);
                    let sum: f64 = products
                        .map(|(&row, s)| part(&self.values, row)[i] * s)
                        .sum();
                    output.push(sum / total);
                }
            }
        }
        output
    }
}

#[test]
fn every_query_sees_its_own_rows() {
    let all: Vec<u32> = (0..577).collect();
    for isa in Isa::available() {
        for (heads, head_size) in [(1, 1), (3, 5), (2, 8), (12, 64), (1, 83)] {
            let case = Case::new(heads, head_size, 7, 577);
            let groups = [
                Attending {
                    queries: 1,
                    rows: &[576],
                },
                Attending {
                    queries: 4,
                    rows: &all,
                },
                Attending {
                    queries: 1,
                    rows: &[5, 3, 3, 0, 250, 17, 400, 8, 9],
                },
                Attending {
                    queries: 1,
                    rows: &all[100..116],
                },
            ];
            let got = case.run(isa, &groups);
            let what = format!("{isa:?}, {heads} heads of {head_size}");
            assert_close(&got, &case.expected(&groups), 2e-6, &what);
        }
    }
}

#[test]
fn a_large_score_takes_all_and_nan_stays_nan() {
    for isa in Isa::available() {
        let mut case = Case::new(1, 3, 2, 3);
        case.queries = vec![1e4, 0.0, 0.0, f32::NAN, 0.0, 0.0];
        case.keys[3] = 100.0;
        let rows = [0, 1, 2];
        let group = |queries| Attending {
            queries,
            rows: &rows[..],
        };
        let got = case.run(isa, &[group(1), group(1)]);
        assert_eq!(got[..3], case.values[3..6]);
        assert!(got[3..].iter().all(|x| x.is_nan()), "{got:?}");
    }
}

/// The largest score was taken for 0 at least where vectors are short, and all scores below -87 for equal.
#[test]
fn scores_that_are_all_far_below_zero_keep_their_order() {
    for isa in Isa::available() {
        let mut case = Case::new(1, 3, 1, 3);
        case.queries = vec![1e4, 0.0, 0.0];
        for (row, key) in [-0.07, -0.05, -0.06].into_iter().enumerate() {
            case.keys[3 * row] = key;
        }
        let group = Attending {
            queries: 1,
            rows: &[0, 1, 2],
        };
        assert_eq!(case.run(isa, &[group]), case.values[3..6], "{isa:?}");
        // Zeros behind the last key would win.
        let packed = case.run_packed(isa, Precision::F32);
        assert_eq!(packed, case.values[3..6], "{isa:?}");
    }
}

#[test]
fn every_query_sees_all_that_is_packed() {
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            for (heads, head_size, queries, rows) in [
                (1, 1, 1, 1),
                (3, 5, 2, 8),
                (2, 8, 7, 31),
                (12, 64, 4, 577),
                (1, 83, 33, 64),
                (1, 32, 15, 65),
            ] {
                let case = Case::new(heads, head_size, queries, rows);
                let rounded = precision == Precision::Bf16 && isa.multiplies_bf16();
                let tolerance = if rounded { 2e-2 } else { 2e-6 };
                let all: Vec<u32> = (0..rows as u32).collect();
                let rows = &all[..];
                let expected = case.expected(&[Attending { queries, rows }]);
                let got = case.run_packed(isa, precision);
                let what = format!("{isa:?} {precision:?}, {heads} heads of {head_size}");
                assert_close(&got, &expected, tolerance, &what);
            }
        }
    }
}

#[test]
fn nan_stays_in_its_query_and_head() {
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            let mut case = Case::new(2, 3, 3, 40);
            case.queries[6 + 3] = f32::NAN;
            let got = case.run_packed(isa, precision);
            let is_nan: Vec<_> = got.iter().map(|x| x.is_nan()).collect();
            let expected: Vec<_> = (0..18).map(|i| (9..12).contains(&i)).collect();
            assert_eq!(is_nan, expected, "{isa:?} {precision:?}");
        }
    }
}

#[test]
fn no_queries_get_no_answer() {
    let mut case = Case::new(2, 3, 0, 4);
    assert_eq!(case.run_packed(Isa::detect(), Precision::F32), []);
    case.values.clear();
    case.keys.clear();
    let nothing = std::panic::catch_unwind(|| case.run_packed(Isa::detect(), Precision::F32));
    assert!(nothing.is_err());
}

#[test]
#[should_panic(expected = "rows beyond the 3 of a cache")]
fn a_row_that_is_not_there_is_refused() {
    let case = Case::new(1, 4, 1, 3);
    let group = Attending {
        queries: 1,
        rows: &[0, 3],
    };
    let _ = case.run(Isa::detect(), &[group]);
}

//! Rows projected on a direction and summed up again, in one reading.

use crate::Isa;
use crate::lanes::Lanes;
use crate::product::WithLanes;

/// Partial sums of a dot product. That many whatever the vector's length, so that every instruction set adds the same
/// terms in the same order; four of the longest vectors, which hides the latency of their additions.
const PARTS: usize = 32;

/// For each row of `rows` (`[count, width]`) takes its dot product with `direction` (`[width]`), asks `factor(row, product)`
/// for a number, and adds that many times the row to `sums` (`[width]`).
///
/// This is `sums += Xᵀ f(X d)`: the gradient of a linear model's loss, and the product of its Hessian with a vector. Each row is
/// read from memory once, and memory is what limits it: the sums are in f64, the rows are not.
///
/// Every instruction set gives the same bits.
///
/// # Panics
/// When `direction` is empty, `sums` has another length, or `rows` is not whole rows.
pub fn project_and_sum(
    isa: Isa,
    rows: &[f32],
    direction: &[f64],
    sums: &mut [f64],
    factor: impl FnMut(usize, f64) -> f64,
) {
    let width = direction.len();
    assert!(
        width > 0 && sums.len() == width,
        "a direction of {width} and sums of {}",
        sums.len()
    );
    assert!(
        rows.len().is_multiple_of(width),
        "{} numbers are not whole rows of {width}",
        rows.len()
    );
    isa.with_lanes(Pass {
        rows,
        direction,
        sums,
        factor,
    });
}

struct Pass<'a, F> {
    rows: &'a [f32],
    direction: &'a [f64],
    sums: &'a mut [f64],
    factor: F,
}

impl<F: FnMut(usize, f64) -> f64> WithLanes for Pass<'_, F> {
    type Output = ();

    /// The compiler makes vectors of these loops by itself; `L` only says with which instructions.
    #[inline(always)]
    fn run<L: Lanes>(mut self, _: L) {
        let rows = self.rows.chunks_exact(self.direction.len());
        for (index, row) in rows.enumerate() {
            let factor = (self.factor)(index, dot(row, self.direction));
            for (sum, &x) in self.sums.iter_mut().zip(row) {
                *sum += factor * f64::from(x);
            }
        }
    }
}

#[inline(always)]
fn dot(row: &[f32], direction: &[f64]) -> f64 {
    let (rows, row_rest) = row.as_chunks::<PARTS>();
    let (directions, direction_rest) = direction.as_chunks::<PARTS>();
    let mut parts = [0.0; PARTS];
    for (x, d) in rows.iter().zip(directions) {
        for i in 0..PARTS {
            // Not fused: without FMA that would be a call of a function.
            parts[i] += f64::from(x[i]) * d[i];
        }
    }
    for (i, (&x, &d)) in row_rest.iter().zip(direction_rest).enumerate() {
        parts[i] += f64::from(x) * d;
    }
    let mut count = PARTS;
    while count > 1 {
        count /= 2;
        for i in 0..count {
            parts[i] += parts[i + count];
        }
    }
    parts[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, step: u32) -> Vec<f64> {
        (0..count as u32)
            .map(|i| f64::from(i.wrapping_mul(step) % 1009) / 500.0 - 1.0)
            .collect()
    }

    #[test]
    fn every_instruction_set_gives_the_sums_of_the_formula() {
        for width in [1, 3, 31, 32, 33, 64, 515] {
            let count = 5;
            let rows: Vec<f32> = numbers(count * width, 7919)
                .iter()
                .map(|&x| x as f32)
                .collect();
            let direction = numbers(width, 104_729);
            let mut expected = vec![0.5; width];
            for (index, row) in rows.chunks_exact(width).enumerate() {
                let product: f64 = row
                    .iter()
                    .zip(&direction)
                    .map(|(&x, d)| f64::from(x) * d)
                    .sum();
                for (sum, &x) in expected.iter_mut().zip(row) {
                    *sum += (product + index as f64) * f64::from(x);
                }
            }
            let mut first = None;
            for isa in Isa::available() {
                let mut sums = vec![0.5; width];
                project_and_sum(isa, &rows, &direction, &mut sums, |row, product| {
                    product + row as f64
                });
                for (got, expected) in sums.iter().zip(&expected) {
                    assert!(
                        (got - expected).abs() < 1e-10,
                        "{isa:?} {width}: {got} for {expected}"
                    );
                }
                assert_eq!(*first.get_or_insert(sums.clone()), sums, "{isa:?} {width}");
            }
        }
    }

    #[test]
    fn no_rows_add_nothing() {
        let mut sums = [1.0, 2.0];
        project_and_sum(Isa::detect(), &[], &[1.0, 1.0], &mut sums, |_, _| f64::NAN);
        assert_eq!(sums, [1.0, 2.0]);
    }
}

//! The regularised loss, its gradient, and products of its Hessian with a vector.

use kernels::{Isa, project_and_sum};
use rayon::prelude::*;

use super::trust_region::{Objective, Point};
use super::{Samples, sigmoid};

/// Rows of a task. Sums are made block by block and added in the order of the blocks, so that the result does not depend
/// on the number of threads.
const BLOCK_ROWS: usize = 256;

/// `½ |w|² + Σ cᵢ ln(1 + exp(-yᵢ wᵀxᵢ))`, where `xᵢ` ends in a constant 1: the intercept is the last of `w`, and is penalised
/// like the others, as in liblinear.
///
/// Every evaluation and every Hessian product is one reading of all embeddings from memory, which is what the time of a fit
/// goes to once they do not fit into a cache.
pub(super) struct LogisticLoss<'a> {
    samples: Samples<'a>,
    /// `c` of rows outside the class and within it.
    costs: [f64; 2],
    isa: Isa,
}

impl<'a> LogisticLoss<'a> {
    pub(super) fn new(samples: Samples<'a>, costs: [f64; 2]) -> Self {
        Self {
            samples,
            costs,
            isa: Isa::detect(),
        }
    }

    /// `start`, plus each row times its `factor(row's decision, its label, block of states, index within the block)`.
    fn sum_rows<B: Send>(
        &self,
        direction: &[f64],
        states: impl IndexedParallelIterator<Item = B>,
        start: &[f64],
        factor: impl Fn(f64, bool, &mut B, usize) -> f64 + Sync,
    ) -> Vec<f64> {
        let width = self.samples.width();
        let (direction, constant) = (&direction[..width], direction[width]);
        let rows = self.samples.features().par_chunks(BLOCK_ROWS * width);
        let labels = self.samples.labels().par_chunks(BLOCK_ROWS);
        let block = |((rows, labels), mut states): ((&[f32], &[bool]), B)| {
            let mut sums = vec![0.0; width + 1];
            let mut factors = 0.0;
            let of_features = &mut sums[..width];
            project_and_sum(self.isa, rows, direction, of_features, |row, product| {
                let factor = factor(product + constant, labels[row], &mut states, row);
                factors += factor;
                factor
            });
            sums[width] = factors;
            sums
        };
        let blocks: Vec<Vec<f64>> = rows.zip(labels).zip(states).map(block).collect();
        let mut total = start.to_vec();
        for block in &blocks {
            for (total, part) in total.iter_mut().zip(block) {
                *total += part;
            }
        }
        total
    }
}

/// What is kept of a row between an evaluation and the Hessian products at the same point.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    loss: f64,
    /// The second derivative of the loss by the decision.
    curvature: f64,
}

impl Objective for LogisticLoss<'_> {
    type State = Vec<Row>;

    fn dimensions(&self) -> usize {
        self.samples.width() + 1
    }

    fn evaluate(&self, weights: &[f64]) -> Point<Self::State> {
        let mut rows = vec![Row::default(); self.samples.labels().len()];
        let blocks = rows.par_chunks_mut(BLOCK_ROWS);
        let gradient = self.sum_rows(weights, blocks, weights, |decision, label, rows, row| {
            let sign = if label { 1.0 } else { -1.0 };
            let cost = self.costs[usize::from(label)];
            let margin = sign * decision;
            // Both are the same function; each overflows where the other does not.
            let loss = if margin >= 0.0 {
                (1.0 + (-margin).exp()).ln()
            } else {
                (1.0 + margin.exp()).ln() - margin
            };
            let probability = sigmoid(margin);
            rows[row] = Row {
                loss: cost * loss,
                curvature: cost * probability * (1.0 - probability),
            };
            cost * (probability - 1.0) * sign
        });
        let penalty = weights.iter().map(|w| w * w).sum::<f64>() / 2.0;
        Point {
            value: rows.iter().fold(penalty, |sum, row| sum + row.loss),
            gradient,
            state: rows,
        }
    }

    fn hessian_product(&self, rows: &Self::State, direction: &[f64]) -> Vec<f64> {
        let blocks = rows.par_chunks(BLOCK_ROWS);
        self.sum_rows(direction, blocks, direction, |product, _, rows, row| {
            rows[row].curvature * product
        })
    }
}

//! Comparisons with upstream's answers as the three networks give them, and their formula weights.

use weights::Checkpoint;

pub(super) use crate::goldens::Goldens;
pub(super) use crate::goldens::formula::uniform;
use crate::goldens::formula::{Tensors, checkpoint};
use crate::goldens::{largest, nchw, nhwc};
use crate::tensor::Tensor;
use crate::{Placement, Precision};

impl Goldens {
    /// Compares an NHWC answer `[two logits, four offsets, landmarks…]` with the golden NCHW outputs of a case.
    pub(in crate::mtcnn) fn assert_outputs(&self, case: &str, answers: &Tensor) {
        let [.., channels] = answers.dims::<4>();
        let (mut softmax, rows) = (answers.clone().into_vec(), answers.values());
        let pairs = softmax.chunks_exact_mut(channels);
        for (row, logits) in pairs.zip(rows.chunks_exact(channels)) {
            let exps = [logits[0], logits[1]].map(|x| (x - logits[0].max(logits[1])).exp());
            row[..2].copy_from_slice(&exps.map(|exp| exp / (exps[0] + exps[1])));
        }
        let part = |from: &Tensor, first, count| nchw(&from.narrow(3, first, count)).1;
        let assert = |name: &str, got: Vec<f32>| {
            assert_close(&got, &self.floats(&format!("{case}.{name}")), case);
        };
        let softmax = Tensor::new(softmax, answers.shape());
        assert("probabilities", part(&softmax, 0, 2));
        assert("regression", part(answers, 2, 4));
        if self.contains(&format!("{case}.landmarks")) {
            assert("landmarks", part(answers, 6, 10));
        }
    }

    /// Compares a layer's NHWC output with the golden samples of upstream's NCHW output.
    pub(in crate::mtcnn) fn assert_tap(&self, tap: &str, output: &Tensor) {
        let shape = self.indices(&format!("{tap}.shape"));
        let (dims, values) = nchw(output);
        assert_eq!(dims[..shape.len()], shape, "{tap}");
        let expected = self.floats(&format!("{tap}.samples"));
        let count = expected.len();
        let got: Vec<f32> = (0..count)
            .map(|k| values[k * values.len() / count])
            .collect();
        assert_close(&got, &expected, tap);
    }
}

fn assert_close(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = largest(expected);
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= 1e-5 * largest,
            "{what}: element {i} is {a}, not {b}"
        );
    }
}

/// Upstream's names and shapes, as the formula's tools take them.
pub(super) fn owned(tensors: &[(&str, &[usize])]) -> Tensors {
    let owned = |&(name, shape): &(&str, &[usize])| (name.to_owned(), shape.to_vec());
    tensors.iter().map(owned).collect()
}

/// A file of formula weights for `network`, one tensor for each name and shape.
pub(super) fn formula_checkpoint(network: &str, tensors: &[(&str, &[usize])]) -> Checkpoint {
    decided_checkpoint(network, tensors, 1.0)
}

/// The same with the layers that tell faces from the rest made `gain` times as sure.
pub(super) fn decided_checkpoint(
    network: &str,
    tensors: &[(&str, &[usize])],
    gain: f64,
) -> Checkpoint {
    checkpoint(network, &owned(tensors), |name, shape| {
        let gain = if name.contains("_1.") { gain } else { 1.0 };
        formula_weight(network, name, shape, gain)
    })
}

/// `gain` times the formula's numbers for the tensor `name` of `network`.
pub(super) fn formula_weight(network: &str, name: &str, shape: &[usize], gain: f64) -> Vec<f32> {
    let fan_in: usize = shape[1..].iter().product();
    let weight = |u: f64| match shape.len() {
        1 if name.starts_with("prelu") => 0.25 + 0.25 * u,
        1 => 0.25 * u,
        _ => u / (fan_in as f64).sqrt(),
    };
    let values = uniform(&format!("{network}.{name}"), shape.iter().product());
    values
        .into_iter()
        .map(|u| (gain * weight(u)) as f32)
        .collect()
}

/// The formula's input of a case, NCHW upstream, as NHWC.
pub(super) fn formula_input(case: &str, (batch, height, width): (usize, usize, usize)) -> Tensor {
    let values: Vec<f32> = uniform(&format!("{case}.input"), batch * 3 * height * width)
        .into_iter()
        .map(|u| u as f32)
        .collect();
    nhwc(&values, [batch, 3, height, width])
}

pub(super) fn f32_placement() -> Placement {
    Placement::new(Precision::F32)
}

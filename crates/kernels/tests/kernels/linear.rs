use kernels::{Activation, Isa, Linear, LinearWeights, Precision};

use crate::reference::{Numbers, assert_close, bf16};

const ACTIVATIONS: [Option<Activation>; 4] = [
    None,
    Some(Activation::Relu),
    Some(Activation::QuickGelu),
    Some(Activation::Gelu),
];

/// Every make of the product on this processor.
fn makes() -> impl Iterator<Item = (Isa, Precision)> {
    let precisions = [Precision::F32, Precision::Bf16];
    Isa::available()
        .into_iter()
        .flat_map(move |isa| precisions.map(|precision| (isa, precision)))
}

/// Of an activation.
fn tolerance(precision: Precision, activation: Option<Activation>) -> f64 {
    match (precision, activation) {
        (Precision::Bf16, Some(Activation::Gelu)) => 2e-4,
        _ => 1e-6,
    }
}

fn activate(activation: Option<Activation>, x: f64) -> f64 {
    match activation {
        None => x,
        Some(Activation::Relu) => x.max(0.0),
        Some(Activation::QuickGelu) => x / (1.0 + (-1.702 * x).exp()),
        Some(Activation::Gelu) => 0.5 * x * (1.0 + erf(x / 2.0_f64.sqrt())),
    }
}

/// The series of the error function where its terms are small, and the continued fraction of what it lacks to 1 beyond.
fn erf(x: f64) -> f64 {
    if x.abs() > 2.5 {
        let fraction = (1..100)
            .rev()
            .fold(x.abs(), |below, n| x.abs() + f64::from(n) / 2.0 / below);
        let lacks = (-x * x).exp() / std::f64::consts::PI.sqrt() / fraction;
        return (1.0 - lacks).copysign(x);
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..100 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

struct Case {
    rows: usize,
    inputs: usize,
    outputs: usize,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    residual: Vec<f32>,
}

impl Case {
    fn new(rows: usize, inputs: usize, outputs: usize) -> Self {
        let mut numbers = Numbers::new((rows * 31 + inputs * 7 + outputs) as u64);
        Self {
            rows,
            inputs,
            outputs,
            input: numbers.take(rows * inputs),
            weight: numbers.take(outputs * inputs),
            bias: numbers.take(outputs),
            residual: numbers.take(rows * outputs),
        }
    }

    fn weights(&self) -> LinearWeights<'_> {
        LinearWeights {
            inputs: self.inputs,
            outputs: self.outputs,
            weight: &self.weight,
            bias: Some(&self.bias),
        }
    }

    fn expected(&self, precision: Precision, activation: Option<Activation>) -> Vec<f64> {
        let round = |x: f32| match precision {
            Precision::F32 => f64::from(x),
            Precision::Bf16 => f64::from(bf16(x)),
        };
        let mut expected = Vec::new();
        for row in 0..self.rows {
            for output in 0..self.outputs {
                let mut sum = f64::from(self.bias[output]);
                for i in 0..self.inputs {
                    let weight = self.weight[output * self.inputs + i];
                    sum += round(self.input[row * self.inputs + i]) * round(weight);
                }
                let residual = self.residual[row * self.outputs + output];
                expected.push(activate(activation, sum) + f64::from(residual));
            }
        }
        expected
    }
}

#[test]
fn equals_plain_loops_at_odd_sizes() {
    for (isa, precision) in makes() {
        for (i, (rows, inputs, outputs)) in [
            (1, 1, 1),
            (1, 768, 5),
            (2, 7, 33),
            (3, 385, 16),
            (5, 769, 31),
            (6, 64, 32),
            (7, 2, 17),
            (13, 100, 48),
            (14, 771, 9),
            (15, 384, 64),
            (50, 96, 40),
            (197, 33, 100),
            (401, 17, 3),
        ]
        .into_iter()
        .enumerate()
        {
            let case = Case::new(rows, inputs, outputs);
            let activation = ACTIVATIONS[i % ACTIVATIONS.len()];
            let layer = Linear::new(isa, precision, &case.weights(), activation);
            assert_eq!((layer.inputs(), layer.outputs()), (inputs, outputs));
            let got = layer.forward(&case.input, Some(&case.residual));
            let what = format!("{isa:?} {precision:?} {rows}x{inputs} -> {outputs} {activation:?}");
            let tolerance = tolerance(precision, activation).max(3e-5);
            assert_close(
                &got,
                &case.expected(precision, activation),
                tolerance,
                &what,
            );
        }
    }
}

#[test]
fn every_activation_is_right_from_tiny_to_huge() {
    let inputs: Vec<f32> = (-4000..=4000)
        .map(|i| i as f32 / 400.0)
        .chain([
            -1e30, -200.0, -90.0, -40.0, 0.0, 1e-20, 40.0, 90.0, 200.0, 1e30,
        ])
        .map(bf16)
        .collect();
    for (isa, precision) in makes() {
        for activation in ACTIVATIONS {
            let weights = LinearWeights {
                inputs: 1,
                outputs: 1,
                weight: &[1.0],
                bias: None,
            };
            let layer = Linear::new(isa, precision, &weights, activation);
            let expected: Vec<f64> = inputs
                .iter()
                .map(|&x| activate(activation, f64::from(x)))
                .collect();
            let what = format!("{isa:?} {precision:?} {activation:?}");
            let got = layer.forward(&inputs, None);
            assert_close(&got, &expected, tolerance(precision, activation), &what);
        }
    }
}

#[test]
fn no_rows_give_no_rows() {
    for (isa, precision) in makes() {
        let case = Case::new(0, 9, 5);
        let layer = Linear::new(isa, precision, &case.weights(), None);
        assert!(layer.forward(&[], Some(&[])).is_empty());
    }
}

#[test]
fn nan_and_infinity_stay_in_their_row_and_reach_all_of_it() {
    for (isa, precision) in makes() {
        for activation in ACTIVATIONS {
            let case = Case::new(20, 50, 35);
            let layer = Linear::new(isa, precision, &case.weights(), activation);
            let clean = layer.forward(&case.input, None);
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut input = case.input.clone();
                input[7 * 50 + 49] = bad;
                let got = layer.forward(&input, None);
                for (i, (got, clean)) in got.iter().zip(&clean).enumerate() {
                    let what =
                        format!("{isa:?} {precision:?} {activation:?} {bad}: element {i} is {got}");
                    if i / 35 != 7 {
                        assert_eq!(got, clean, "{what}");
                    } else if bad.is_nan() {
                        assert!(got.is_nan(), "{what}");
                    } else {
                        // Infinity, or what the activation makes of minus infinity.
                        let limited = activation.is_some() && (got.abs() < 1e-30 || got.is_nan());
                        assert!(got.is_infinite() || limited, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn nan_weights_cost_their_column_only() {
    for (isa, precision) in makes() {
        let mut case = Case::new(9, 40, 37);
        case.weight[36 * 40 + 39] = f32::NAN;
        let layer = Linear::new(isa, precision, &case.weights(), None);
        for (i, value) in layer.forward(&case.input, None).iter().enumerate() {
            assert_eq!(value.is_nan(), i % 37 == 36, "{isa:?} {precision:?} {i}");
        }
    }
}

/// The rows of a batch are worked on in other groups than alone, but each sum adds the same terms in the same order.
#[test]
fn a_row_does_not_depend_on_the_others() {
    for (isa, precision) in makes() {
        let case = Case::new(31, 800, 45);
        let layer = Linear::new(isa, precision, &case.weights(), Some(Activation::Gelu));
        let all = layer.forward(&case.input, Some(&case.residual));
        for row in [0, 13, 30] {
            let input = &case.input[row * 800..][..800];
            let residual = &case.residual[row * 45..][..45];
            let alone = layer.forward(input, Some(residual));
            assert_eq!(alone, all[row * 45..][..45], "{isa:?} {precision:?}");
        }
    }
}

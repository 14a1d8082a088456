use kernels::{Isa, layer_norm};

use crate::reference::{Numbers, assert_close};

fn expected(input: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> Vec<f64> {
    let width = weight.len();
    let mut output = Vec::new();
    for row in input.chunks_exact(width) {
        let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64;
        let squares = row.iter().map(|&x| (f64::from(x) - mean).powi(2));
        let variance = squares.sum::<f64>() / width as f64;
        let scale = (variance + f64::from(epsilon)).sqrt().recip();
        for ((&x, &w), &b) in row.iter().zip(weight).zip(bias) {
            output.push((f64::from(x) - mean) * scale * f64::from(w) + f64::from(b));
        }
    }
    output
}

#[test]
fn equals_plain_loops_at_odd_sizes() {
    for isa in Isa::available() {
        for (rows, width) in [
            (1, 1),
            (3, 7),
            (2, 32),
            (33, 65),
            (70, 768),
            (1, 1025),
            (0, 5),
        ] {
            let mut numbers = Numbers::new(width as u64);
            // Far from zero, where squares minus the square of the mean would lose all digits.
            let input: Vec<f32> = numbers
                .take(rows * width)
                .iter()
                .map(|x| x + 100.0)
                .collect();
            let (weight, bias) = (numbers.take(width), numbers.take(width));
            for epsilon in [1e-5, 1e-6] {
                let got = layer_norm(isa, &input, &weight, &bias, epsilon);
                let expected = expected(&input, &weight, &bias, epsilon);
                assert_close(&got, &expected, 1e-4, &format!("{isa:?} {rows}x{width}"));
            }
        }
    }
}

#[test]
fn nan_stays_in_its_row() {
    for isa in Isa::available() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut input = Numbers::new(1).take(5 * 40);
            input[2 * 40 + 39] = bad;
            let got = layer_norm(isa, &input, &[1.0; 40], &[0.0; 40], 1e-5);
            for (i, value) in got.iter().enumerate() {
                assert_eq!(value.is_nan(), i / 40 == 2, "{isa:?} element {i}");
            }
        }
    }
}

use kernels::{Isa, log_sum_exp};

use crate::reference::{Numbers, assert_close};

#[test]
fn equals_plain_sums_wherever_the_scores_lie() {
    for isa in Isa::available() {
        for count in [1, 7, 8, 16, 17, 33, 30_524] {
            for offset in [0.0, -1e4, 1e4] {
                let numbers = Numbers::new(count as u64).take(count);
                let scores: Vec<f32> = numbers.iter().map(|x| 9.0 * x + offset).collect();
                let largest = scores.iter().copied().fold(f32::MIN, f32::max);
                let exps = scores.iter().map(|&x| f64::from(x - largest).exp());
                let expected = f64::from(largest) + exps.sum::<f64>().ln();
                let got = log_sum_exp(isa, &scores);
                let what = format!("{isa:?}, {count} scores at {offset}");
                assert_close(&[got], &[expected], 2e-6, &what);
            }
        }
    }
}

#[test]
fn what_is_no_number_is_told() {
    for isa in Isa::available() {
        assert_eq!(log_sum_exp(isa, &[]), f32::NEG_INFINITY);
        assert_eq!(log_sum_exp(isa, &[f32::NEG_INFINITY; 3]), f32::NEG_INFINITY);
        let mut scores = [1.0; 40];
        scores[7] = f32::NEG_INFINITY;
        let near = (log_sum_exp(isa, &scores) - (1.0 + 39_f32.ln())).abs() < 1e-5;
        assert!(near, "{isa:?}");
        for value in [f32::NAN, f32::INFINITY] {
            for at in [0, 39] {
                let mut scores = [1.0; 40];
                scores[at] = value;
                assert!(
                    log_sum_exp(isa, &scores).is_nan(),
                    "{isa:?} {value} at {at}"
                );
            }
        }
    }
}

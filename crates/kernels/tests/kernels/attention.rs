use kernels::{AttentionShape, Isa, Precision, attention};

use crate::reference::{Numbers, assert_close};

fn expected(qkv: &[f32], shape: AttentionShape) -> Vec<f64> {
    let AttentionShape {
        batch,
        tokens,
        queries,
        heads,
        head_size,
    } = shape;
    let at = |image: usize, token: usize, part: usize, head: usize, i: usize| {
        let row = ((image * tokens + token) * 3 + part) * heads + head;
        f64::from(qkv[row * head_size + i])
    };
    let mut output = vec![0.0; batch * queries * heads * head_size];
    for image in 0..batch {
        for head in 0..heads {
            for query in 0..queries {
                let scores: Vec<f64> = (0..tokens)
                    .map(|key| {
                        let products = (0..head_size)
                            .map(|i| at(image, query, 0, head, i) * at(image, key, 1, head, i));
                        products.sum::<f64>() / (head_size as f64).sqrt()
                    })
                    .collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let shares: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
                let total: f64 = shares.iter().sum();
                for i in 0..head_size {
                    let sum: f64 = (0..tokens)
                        .map(|key| shares[key] * at(image, key, 2, head, i))
                        .sum();
                    let to = ((image * queries + query) * heads + head) * head_size + i;
                    output[to] = sum / total;
                }
            }
        }
    }
    output
}

#[test]
fn equals_plain_loops_at_odd_sizes() {
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            for (batch, tokens, queries, heads, head_size) in [
                (1, 1, 1, 1, 1),
                (2, 2, 2, 3, 5),
                (1, 17, 17, 2, 64),
                (3, 50, 50, 2, 16),
                (3, 50, 1, 2, 64),
                (1, 33, 32, 1, 7),
                (1, 401, 401, 1, 64),
                (1, 800, 130, 2, 9),
            ] {
                let shape = AttentionShape {
                    batch,
                    tokens,
                    queries,
                    heads,
                    head_size,
                };
                let mut numbers = Numbers::new(tokens as u64);
                // Scores of some ten units, so that the softmax is neither flat nor one key's alone.
                let qkv: Vec<f32> = numbers
                    .take(batch * tokens * 3 * heads * head_size)
                    .iter()
                    .map(|x| x * 3.0)
                    .collect();
                let got = attention(isa, precision, &qkv, shape);
                let rounded = precision == Precision::Bf16 && isa.multiplies_bf16();
                let tolerance = if rounded { 0.1 } else { 2e-5 };
                let what = format!("{isa:?} {precision:?} {shape:?}");
                assert_close(&got, &expected(&qkv, shape), tolerance, &what);
            }
        }
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let shape = AttentionShape {
        batch: 1,
        tokens: 40,
        queries: 40,
        heads: 1,
        head_size: 8,
    };
    let qkv: Vec<f32> = Numbers::new(3)
        .take(40 * 3 * 8)
        .iter()
        .map(|x| x * 100.0)
        .collect();
    for isa in Isa::available() {
        let got = attention(isa, Precision::F32, &qkv, shape);
        assert_close(&got, &expected(&qkv, shape), 1e-3, &format!("{isa:?}"));
    }
}

/// A NaN in one token's value reaches every query of its head and image, and nothing else.
#[test]
fn nan_stays_in_its_head_and_image() {
    let shape = AttentionShape {
        batch: 2,
        tokens: 19,
        queries: 19,
        heads: 2,
        head_size: 4,
    };
    let mut qkv = Numbers::new(5).take(2 * 19 * 3 * 2 * 4);
    let value_of_token_3_in_head_1 = ((3 * 3 + 2) * 2 + 1) * 4 + 2;
    qkv[value_of_token_3_in_head_1] = f32::NAN;
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            let got = attention(isa, precision, &qkv, shape);
            for (i, value) in got.iter().enumerate() {
                let (image, head, at) = (i / (19 * 8), i / 4 % 2, i % 4);
                let bad = image == 0 && head == 1 && at == 2;
                assert_eq!(value.is_nan(), bad, "{isa:?} {precision:?} {i}");
            }
        }
    }
}

#[test]
fn no_images_give_nothing() {
    let shape = AttentionShape {
        batch: 0,
        tokens: 5,
        queries: 5,
        heads: 2,
        head_size: 4,
    };
    for isa in Isa::available() {
        assert!(attention(isa, Precision::F32, &[], shape).is_empty());
    }
}

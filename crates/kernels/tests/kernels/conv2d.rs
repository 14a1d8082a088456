//! Convolution, with and without pooling, against plain loops in `f64`, on every instruction set of this processor.

use crate::reference::{Numbers, assert_close, conv2d, max_pool};
use kernels::{Conv2d, Conv2dWeights, Extent, Isa};

struct Case {
    extent: Extent,
    in_channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
}

fn case(
    (batch, height, width): (usize, usize, usize),
    in_channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
) -> Case {
    Case {
        extent: Extent {
            batch,
            height,
            width,
        },
        in_channels,
        out_channels,
        kernel,
    }
}

fn cases() -> Vec<Case> {
    vec![
        case((1, 13, 17), 3, 10, (3, 3)),
        case((1, 7, 40), 10, 16, (3, 3)),
        case((1, 9, 11), 16, 32, (3, 3)),
        case((1, 5, 6), 32, 6, (1, 1)),
        case((3, 24, 24), 3, 28, (3, 3)),
        case((2, 11, 11), 28, 48, (3, 3)),
        case((5, 4, 4), 48, 64, (2, 2)),
        case((2, 4, 4), 64, 128, (2, 2)),
        case((1, 1, 1), 3, 1, (1, 1)),
        case((1, 3, 3), 5, 7, (3, 3)),
        case((1, 1, 50), 4, 9, (1, 3)),
        case((1, 50, 1), 4, 17, (3, 1)),
        case((7, 1, 1), 1152, 256, (1, 1)),
        case((1, 200, 3), 2, 33, (2, 3)),
        case((0, 8, 8), 3, 10, (3, 3)),
    ]
}

fn weights<'a>(
    case: &Case,
    weight: &'a [f32],
    bias: &'a [f32],
    slope: Option<&'a [f32]>,
) -> Conv2dWeights<'a> {
    Conv2dWeights {
        out_channels: case.out_channels,
        in_channels: case.in_channels,
        kernel: case.kernel,
        weight,
        bias,
        slope,
    }
}

#[test]
fn matches_plain_loops() {
    for isa in Isa::available() {
        for case in cases() {
            let mut numbers = Numbers::new(7);
            let input = numbers.take(case.extent.pixels() * case.in_channels);
            let taps = case.in_channels * case.kernel.0 * case.kernel.1;
            let weight = numbers.take(case.out_channels * taps);
            let bias = numbers.take(case.out_channels);
            let slope = numbers.take(case.out_channels);
            for slope in [None, Some(slope.as_slice())] {
                let weights = weights(&case, &weight, &bias, slope);
                let layer = Conv2d::new(isa, &weights);
                let (expected, expected_extent) = conv2d(&input, case.extent, &weights);
                assert_eq!(layer.output_extent(case.extent), Some(expected_extent));
                let mut got = Vec::new();
                layer.forward(&input, case.extent, &mut got);
                assert_close(&got, &expected, 1e-4, &format!("{isa:?} {:?}", case.extent));

                for pool in [2, 3] {
                    let Some(pooled) = layer.pooled_extent(case.extent, pool) else {
                        continue;
                    };
                    let rounded: Vec<f32> = expected.iter().map(|&v| v as f32).collect();
                    let (expected, extent) =
                        max_pool(&rounded, expected_extent, case.out_channels, pool);
                    assert_eq!(pooled, extent);
                    let mut got = Vec::new();
                    layer.forward_max_pool(&input, case.extent, pool, &mut got);
                    assert_close(&got, &expected, 1e-4, &format!("{isa:?} pooled by {pool}"));
                }
            }
        }
    }
}

/// What strips of the face detector's pyramid rely on.
#[test]
fn a_strip_gives_the_same_bits_as_the_whole() {
    for isa in Isa::available() {
        let case = case((1, 31, 29), 3, 10, (3, 3));
        let mut numbers = Numbers::new(3);
        let input = numbers.take(case.extent.pixels() * 3);
        let (weight, bias) = (numbers.take(270), numbers.take(10));
        let layer = Conv2d::new(isa, &weights(&case, &weight, &bias, None));
        let mut whole = Vec::new();
        layer.forward(&input, case.extent, &mut whole);
        let strip = Extent {
            batch: 1,
            height: 9,
            width: 29,
        };
        let mut part = Vec::new();
        layer.forward(&input[5 * 29 * 3..][..9 * 29 * 3], strip, &mut part);
        assert_eq!(part, whole[5 * 27 * 10..][..7 * 27 * 10]);
    }
}

#[test]
fn nan_and_infinity_reach_only_the_pixels_that_see_them() {
    for isa in Isa::available() {
        let case = case((1, 6, 9), 3, 10, (3, 3));
        let mut numbers = Numbers::new(11);
        let mut input = numbers.take(case.extent.pixels() * 3);
        input[0] = f32::NAN; // seen by output pixel (0, 0) alone
        input[(5 * 9 + 8) * 3 + 2] = f32::INFINITY; // by (3, 6) alone
        let (weight, bias, slope) = (numbers.take(270), numbers.take(10), numbers.take(10));
        let layer = Conv2d::new(isa, &weights(&case, &weight, &bias, Some(&slope)));
        let mut got = Vec::new();
        layer.forward(&input, case.extent, &mut got);
        let (first, rest) = got.split_at(10);
        let (rest, last) = rest.split_at(rest.len() - 10);
        assert!(first.iter().all(|v| v.is_nan()), "{isa:?}");
        assert!(last.iter().all(|v| v.is_infinite()), "{isa:?} {last:?}");
        assert!(rest.iter().all(|v| v.is_finite()), "{isa:?}");
    }
}

#[test]
fn appends_and_leaves_the_rest_alone() {
    for isa in Isa::available() {
        let layer = Conv2d::new(
            isa,
            &Conv2dWeights {
                out_channels: 11,
                in_channels: 3,
                kernel: (1, 1),
                weight: &[1.0; 33],
                bias: &[0.5; 11],
                slope: None,
            },
        );
        let mut output = vec![7.0, 8.0];
        let extent = Extent {
            batch: 1,
            height: 1,
            width: 1,
        };
        layer.forward(&[1.0, 2.0, 3.0], extent, &mut output);
        assert_eq!(output[..2], [7.0, 8.0]);
        assert_eq!(output[2..], [6.5; 11]);
    }
}

#[test]
fn a_kernel_larger_than_the_image_has_no_output() {
    let layer = Conv2d::new(
        Isa::detect(),
        &Conv2dWeights {
            out_channels: 1,
            in_channels: 1,
            kernel: (3, 3),
            weight: &[0.0; 9],
            bias: &[0.0],
            slope: None,
        },
    );
    assert_eq!(
        layer.output_extent(Extent {
            batch: 1,
            height: 2,
            width: 9
        }),
        None
    );
    assert_eq!(
        layer.output_extent(Extent {
            batch: 1,
            height: 9,
            width: 0
        }),
        None
    );
}

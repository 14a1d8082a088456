//! Convolution, with and without pooling, against plain loops in `f64`, on every instruction set of this processor.

use crate::reference::{Numbers, assert_close, bf16, conv2d, max_pool};
use kernels::{Conv2d, Conv2dWeights, Extent, Isa, Precision, Rectifier, Residual};

struct Case {
    extent: Extent,
    in_channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
    stride: usize,
    padding: usize,
}

/// Valid, of stride 1.
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
        stride: 1,
        padding: 0,
    }
}

impl Case {
    fn every(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    fn within(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    fn taps(&self) -> usize {
        self.in_channels * self.kernel.0 * self.kernel.1
    }

    fn weights<'a>(
        &self,
        weight: &'a [f32],
        bias: &'a [f32],
        rectifier: Rectifier<'a>,
    ) -> Conv2dWeights<'a> {
        Conv2dWeights {
            out_channels: self.out_channels,
            in_channels: self.in_channels,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            weight,
            bias,
            rectifier,
        }
    }
}

/// Small and valid, as face detectors have them.
fn small_cases() -> Vec<Case> {
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

/// With stride, padding, several chunks of the depth, and many tiles; those of 3×3, stride 1 and padding 1 with 32 and more
/// channels by Winograd's method.
fn large_cases() -> Vec<Case> {
    vec![
        case((1, 23, 30), 3, 64, (7, 7)).every(2).within(3),
        case((2, 8, 5), 3, 16, (7, 7)).every(2).within(3),
        case((1, 13, 16), 32, 33, (3, 3)).every(2).within(1),
        case((2, 6, 7), 160, 40, (3, 3)).every(2).within(1),
        case((2, 9, 9), 64, 96, (1, 1)).every(2),
        case((1, 5, 4), 2, 8, (3, 3)).every(3),
        case((1, 12, 17), 64, 256, (1, 1)),
        case((3, 5, 7), 1024, 48, (1, 1)),
        case((1, 20, 21), 256, 15, (1, 1)),
        case((1, 9, 30), 5, 12, (3, 3)).within(2),
        case((1, 1, 1), 8, 24, (3, 3)).within(1),
        case((1, 10, 6), 16, 32, (3, 3)).within(1),
        case((1, 8, 8), 32, 32, (3, 3)).within(1),
        case((1, 1, 1), 32, 64, (3, 3)).within(1),
        case((1, 1, 9), 64, 32, (3, 3)).within(1),
        case((2, 13, 11), 64, 96, (3, 3)).within(1),
        case((3, 6, 7), 512, 32, (3, 3)).within(1),
        case((1, 30, 62), 32, 48, (3, 3)).within(1),
        case((0, 8, 8), 32, 32, (3, 3)).within(1),
    ]
}

#[test]
fn matches_plain_loops() {
    let none = Rectifier::None;
    for isa in Isa::available() {
        for case in small_cases().into_iter().chain(large_cases()) {
            let mut numbers = Numbers::new(7);
            let input = numbers.take(case.extent.pixels() * case.in_channels);
            let weight = numbers.take(case.out_channels * case.taps());
            let bias = numbers.take(case.out_channels);
            let slopes = numbers.take(case.out_channels);
            for rectifier in [none, Rectifier::Relu, Rectifier::PRelu(&slopes)] {
                let weights = case.weights(&weight, &bias, rectifier);
                let layer = Conv2d::new(isa, Precision::F32, &weights);
                let (expected, output) = conv2d(&input, case.extent, &weights, None);
                let what = format!("{isa:?} {:?} {rectifier:?}", case.extent);
                assert_eq!(layer.output_extent(case.extent), Some(output));
                let got = layer.forward(&input, case.extent, None);
                let tolerance = 5e-6 * (case.taps() as f64).sqrt();
                assert_close(&got, &expected, tolerance, &what);

                let residual = numbers.take(expected.len());
                let (expected, _) = conv2d(&input, case.extent, &weights, Some(&residual));
                let residual = Residual {
                    values: &residual,
                    extent: output,
                };
                let got = layer.forward(&input, case.extent, Some(residual));
                assert_close(&got, &expected, tolerance, &format!("{what} with residual"));
            }
        }
    }
}

/// As a pyramid of features adds its smaller levels to the larger ones.
#[test]
fn a_smaller_residual_is_enlarged() {
    for isa in Isa::available() {
        for case in [
            case((2, 7, 10), 64, 40, (1, 1)),
            case((1, 9, 5), 32, 32, (3, 3)).within(1),
            case((2, 6, 8), 8, 24, (3, 3)).within(1),
        ] {
            let mut numbers = Numbers::new(21);
            let input = numbers.take(case.extent.pixels() * case.in_channels);
            let weight = numbers.take(case.out_channels * case.taps());
            let bias = numbers.take(case.out_channels);
            let weights = case.weights(&weight, &bias, Rectifier::Relu);
            let Extent {
                batch,
                height,
                width,
            } = case.extent;
            let extent = Extent {
                batch,
                height: height.div_ceil(2),
                width: width.div_ceil(2),
            };
            let channels = case.out_channels;
            let values = numbers.take(extent.pixels() * channels);
            let mut enlarged = Vec::new();
            for image in 0..batch {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let (y, x) = (y * extent.height / height, x * extent.width / width);
                    let pixel = (image * extent.height + y) * extent.width + x;
                    enlarged.extend_from_slice(&values[pixel * channels..][..channels]);
                }
            }
            let (expected, _) = conv2d(&input, case.extent, &weights, Some(&enlarged));
            let layer = Conv2d::new(isa, Precision::F32, &weights);
            let residual = Residual {
                values: &values,
                extent,
            };
            let got = layer.forward(&input, case.extent, Some(residual));
            assert_close(&got, &expected, 1e-4, &format!("{isa:?} {:?}", case.extent));
        }
    }
}

#[test]
fn products_of_bf16_are_those_of_rounded_numbers() {
    for isa in Isa::available() {
        for case in small_cases().into_iter().chain(large_cases()) {
            let mut numbers = Numbers::new(5);
            let input = numbers.take(case.extent.pixels() * case.in_channels);
            let weight = numbers.take(case.out_channels * case.taps());
            let bias = numbers.take(case.out_channels);
            let weights = case.weights(&weight, &bias, Rectifier::Relu);
            let got =
                Conv2d::new(isa, Precision::Bf16, &weights).forward(&input, case.extent, None);

            let by_winograd = case.kernel == (3, 3)
                && (case.stride, case.padding) == (1, 1)
                && case.in_channels.min(case.out_channels) >= 32;
            let what = format!("{isa:?} {:?}", case.extent);
            if by_winograd {
                // The transformed numbers are rounded, not these. Each of the sum's terms is at most 1, and 1/3 of it typical.
                let (expected, _) = conv2d(&input, case.extent, &weights, None);
                assert_close(
                    &got,
                    &expected,
                    2e-2 * (case.taps() as f64).sqrt() / 3.0,
                    &what,
                );
            } else {
                let round = |numbers: &[f32]| numbers.iter().map(|&x| bf16(x)).collect::<Vec<_>>();
                let (input, weight) = (round(&input), round(&weight));
                let weights = case.weights(&weight, &bias, Rectifier::Relu);
                let (expected, _) = conv2d(&input, case.extent, &weights, None);
                assert_close(&got, &expected, 2e-6 * (case.taps() as f64).sqrt(), &what);
            }
        }
    }
}

#[test]
fn one_thread_appends_and_pools_the_same() {
    for isa in Isa::available() {
        for case in small_cases() {
            let mut numbers = Numbers::new(7);
            let input = numbers.take(case.extent.pixels() * case.in_channels);
            let weight = numbers.take(case.out_channels * case.taps());
            let bias = numbers.take(case.out_channels);
            let slopes = numbers.take(case.out_channels);
            let weights = case.weights(&weight, &bias, Rectifier::PRelu(&slopes));
            let layer = Conv2d::new(isa, Precision::F32, &weights);
            let (expected, extent) = conv2d(&input, case.extent, &weights, None);
            let mut got = vec![7.0, 8.0];
            layer.append(&input, case.extent, &mut got);
            assert_eq!(got[..2], [7.0, 8.0]);
            assert_close(&got[2..], &expected, 1e-4, &format!("{isa:?} appended"));
            assert_eq!(got[2..], layer.forward(&input, case.extent, None));

            for pool in [2, 3] {
                let Some(pooled) = layer.pooled_extent(case.extent, pool) else {
                    continue;
                };
                let rounded: Vec<f32> = expected.iter().map(|&v| v as f32).collect();
                let (expected, extent) = max_pool(&rounded, extent, case.out_channels, pool);
                assert_eq!(pooled, extent);
                let mut got = Vec::new();
                layer.append_max_pool(&input, case.extent, pool, &mut got);
                assert_close(&got, &expected, 1e-4, &format!("{isa:?} pooled by {pool}"));
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
        let weights = case.weights(&weight, &bias, Rectifier::None);
        let layer = Conv2d::new(isa, Precision::F32, &weights);
        let mut whole = Vec::new();
        layer.append(&input, case.extent, &mut whole);
        let strip = Extent {
            batch: 1,
            height: 9,
            width: 29,
        };
        let mut part = Vec::new();
        layer.append(&input[5 * 29 * 3..][..9 * 29 * 3], strip, &mut part);
        assert_eq!(part, whole[5 * 27 * 10..][..7 * 27 * 10]);
    }
}

/// An image's answer does not depend on what else is in the batch.
#[test]
fn a_batch_gives_the_same_bits_as_its_images() {
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            for mut case in large_cases() {
                case.extent.batch = 3;
                let mut numbers = Numbers::new(9);
                let input = numbers.take(case.extent.pixels() * case.in_channels);
                let weight = numbers.take(case.out_channels * case.taps());
                let bias = numbers.take(case.out_channels);
                let weights = case.weights(&weight, &bias, Rectifier::None);
                let layer = Conv2d::new(isa, precision, &weights);
                let together = layer.forward(&input, case.extent, None);
                case.extent.batch = 1;
                let alone = input.chunks(case.extent.pixels() * case.in_channels);
                let alone = alone.flat_map(|image| layer.forward(image, case.extent, None));
                assert_eq!(together, alone.collect::<Vec<_>>(), "{:?}", case.extent);
            }
        }
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
        let (weight, bias, slopes) = (numbers.take(270), numbers.take(10), numbers.take(10));
        let weights = case.weights(&weight, &bias, Rectifier::PRelu(&slopes));
        let got = Conv2d::new(isa, Precision::F32, &weights).forward(&input, case.extent, None);
        let (first, rest) = got.split_at(10);
        let (rest, last) = rest.split_at(rest.len() - 10);
        assert!(first.iter().all(|v| v.is_nan()), "{isa:?}");
        assert!(last.iter().all(|v| v.is_infinite()), "{isa:?} {last:?}");
        assert!(rest.iter().all(|v| v.is_finite()), "{isa:?}");
    }
}

/// By Winograd's method an input that is not finite reaches all of its tile, which is at most three pixels further.
#[test]
fn nan_stays_within_its_winograd_tile() {
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            let case = case((1, 16, 16), 32, 32, (3, 3)).within(1);
            let mut numbers = Numbers::new(13);
            let mut input = numbers.take(case.extent.pixels() * 32);
            input[5] = f32::NAN;
            let (weight, bias) = (numbers.take(32 * 288), numbers.take(32));
            let weights = case.weights(&weight, &bias, Rectifier::Relu);
            let got = Conv2d::new(isa, precision, &weights).forward(&input, case.extent, None);
            for (index, pixel) in got.chunks(32).enumerate() {
                let (y, x) = (index / 16, index % 16);
                if y < 2 && x < 2 {
                    assert!(pixel.iter().all(|v| v.is_nan()), "{isa:?} {y} {x}");
                } else if y > 4 || x > 4 {
                    assert!(pixel.iter().all(|v| v.is_finite()), "{isa:?} {y} {x}");
                }
            }
        }
    }
}

#[test]
fn a_kernel_larger_than_the_image_has_no_output() {
    let extent = |height, width| Extent {
        batch: 1,
        height,
        width,
    };
    let output = |padding, extent| {
        let case = case((1, 3, 3), 1, 1, (3, 3)).within(padding);
        let weights = case.weights(&[0.0; 9], &[0.0], Rectifier::None);
        Conv2d::new(Isa::detect(), Precision::F32, &weights).output_extent(extent)
    };
    assert_eq!(output(0, extent(2, 9)), None);
    assert_eq!(output(0, extent(9, 0)), None);
    assert_eq!(output(1, extent(0, 9)), None);
    assert_eq!(output(1, extent(1, 9)), Some(extent(1, 9)));
}

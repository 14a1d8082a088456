//! Plain loops in `f64`, and numbers to feed them.

use kernels::{Conv2dWeights, Extent, Rectifier};

/// A reproducible run of numbers in -1..1.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| self.bits() as f32 / (1_u64 << 30) as f32 - 1.0)
            .collect()
    }
}

pub(crate) fn conv2d(
    input: &[f32],
    extent: Extent,
    weights: &Conv2dWeights<'_>,
    residual: Option<&[f32]>,
) -> (Vec<f64>, Extent) {
    let Conv2dWeights {
        out_channels,
        in_channels,
        kernel: (rows, columns),
        stride,
        padding,
        ..
    } = *weights;
    let height = (extent.height + 2 * padding - rows) / stride + 1;
    let width = (extent.width + 2 * padding - columns) / stride + 1;
    let mut output = Vec::new();
    for image in 0..extent.batch {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for o in 0..out_channels {
                let mut sum = f64::from(weights.bias[o]);
                for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                    let y = (y * stride + row).wrapping_sub(padding);
                    let x = (x * stride + column).wrapping_sub(padding);
                    if y >= extent.height || x >= extent.width {
                        continue;
                    }
                    let at = (image * extent.height + y) * extent.width + x;
                    for i in 0..in_channels {
                        let tap = ((o * in_channels + i) * rows + row) * columns + column;
                        sum +=
                            f64::from(input[at * in_channels + i]) * f64::from(weights.weight[tap]);
                    }
                }
                sum += residual.map_or(0.0, |residual| f64::from(residual[output.len()]));
                output.push(match weights.rectifier {
                    Rectifier::Relu if sum < 0.0 => 0.0,
                    Rectifier::PRelu(slopes) if sum < 0.0 => sum * f64::from(slopes[o]),
                    _ => sum,
                });
            }
        }
    }
    (
        output,
        Extent {
            height,
            width,
            ..extent
        },
    )
}

pub(crate) fn max_pool(
    input: &[f32],
    extent: Extent,
    channels: usize,
    pool: usize,
) -> (Vec<f64>, Extent) {
    let height = (extent.height + 1 - pool) / 2 + 1;
    let width = (extent.width + 1 - pool) / 2 + 1;
    let mut output = Vec::new();
    for image in 0..extent.batch {
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    let mut largest = f32::NEG_INFINITY;
                    for row in 2 * y..(2 * y + pool).min(extent.height) {
                        for column in 2 * x..(2 * x + pool).min(extent.width) {
                            let at = (image * extent.height + row) * extent.width + column;
                            let value = input[at * channels + c];
                            largest = if value.is_nan() || value > largest {
                                value
                            } else {
                                largest
                            };
                            if largest.is_nan() {
                                break;
                            }
                        }
                        if largest.is_nan() {
                            break;
                        }
                    }
                    output.push(f64::from(largest));
                }
            }
        }
    }
    (
        output,
        Extent {
            height,
            width,
            ..extent
        },
    )
}

/// The nearest bf16, ties to even, as an `f32`.
pub(crate) fn bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    let (below, rest) = (bits & 0xffff_0000, bits & 0xffff);
    let up = rest > 0x8000 || (rest == 0x8000 && bits & 0x1_0000 != 0);
    f32::from_bits(if up { below + 0x1_0000 } else { below })
}

/// Fails unless all of `got` are within `tolerance` of `expected`, relative to values above 1.
pub(crate) fn assert_close(got: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let got = f64::from(got);
        let same = got == expected || (got.is_nan() && expected.is_nan());
        let near = (got - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(same || near, "{what}: element {i} is {got}, not {expected}");
    }
}

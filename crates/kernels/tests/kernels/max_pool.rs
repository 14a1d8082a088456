use crate::reference::{Numbers, assert_close};
use kernels::{Conv2d, Conv2dWeights, Extent, Isa, Precision, Rectifier};

/// A 1×1 convolution of one channel to many only scales, so that what is pooled can be chosen freely.
#[test]
fn nan_wins_and_infinities_count() {
    for isa in Isa::available() {
        for (batch, height, width, channels) in [
            (1, 6, 6, 10),
            (2, 7, 9, 28),
            (1, 2, 2, 16),
            (3, 5, 3, 1),
            (1, 3, 31, 33),
            (0, 4, 4, 8),
        ] {
            let extent = Extent {
                batch,
                height,
                width,
            };
            let mut numbers = Numbers::new(9);
            let mut input = numbers.take(extent.pixels());
            for (i, value) in input.iter_mut().enumerate() {
                *value = match i % 37 {
                    5 => f32::NAN,
                    11 => f32::INFINITY,
                    17 | 18 | 24 => f32::NEG_INFINITY,
                    _ => *value,
                };
            }
            let weight = numbers.take(channels);
            let layer = Conv2d::new(
                isa,
                Precision::F32,
                &Conv2dWeights {
                    out_channels: channels,
                    in_channels: 1,
                    kernel: (1, 1),
                    weight: &weight,
                    bias: &vec![0.0; channels],
                    stride: 1,
                    padding: 0,
                    rectifier: Rectifier::None,
                },
            );
            let scaled: Vec<f32> = input
                .iter()
                .flat_map(|value| weight.iter().map(move |w| value * w))
                .collect();
            for pool in [2, 3] {
                let (expected, pooled) =
                    crate::reference::max_pool(&scaled, extent, channels, pool);
                assert_eq!(layer.pooled_extent(extent, pool), Some(pooled));
                let mut got = vec![1.5];
                layer.append_max_pool(&input, extent, pool, &mut got);
                assert_eq!(got[0], 1.5);
                assert_close(
                    &got[1..],
                    &expected,
                    0.0,
                    &format!("{isa:?} {extent:?} {pool}"),
                );
            }
        }
    }
}

//! Outputs so large that they are written past the caches, against the same in parts that are not.

use std::alloc::System;

use kernels::{
    Conv2d, Conv2dWeights, Extent, Isa, Linear, LinearWeights, Precision, Rectifier, Residual,
    Retaining,
};

use crate::reference::Numbers;

/// As in the service: large blocks begin at cache lines, without which nothing passes the caches.
#[global_allocator]
static ALLOCATOR: Retaining<System> = Retaining::new(System, 256 << 20);

const PARTS: usize = 3;

#[test]
fn of_convolutions_are_those_of_their_images() {
    let extent = |batch| Extent {
        batch,
        height: 131,
        width: 173,
    };
    for isa in Isa::available() {
        for precision in [Precision::F32, Precision::Bf16] {
            // Directly, and by Winograd's method.
            for (kernel, in_channels) in [(1, 8), (3, 32)] {
                let mut numbers = Numbers::new(kernel as u64);
                let weights = Conv2dWeights {
                    out_channels: 64,
                    in_channels,
                    kernel: (kernel, kernel),
                    stride: 1,
                    padding: kernel / 2,
                    weight: &numbers.take(64 * in_channels * kernel * kernel),
                    bias: &numbers.take(64),
                    rectifier: Rectifier::Relu,
                };
                let layer = Conv2d::new(isa, precision, &weights);
                let input = numbers.take(extent(PARTS).pixels() * in_channels);
                let added = numbers.take(extent(PARTS).pixels() * 64);
                let run = |batch: usize, input: &[f32], values: &[f32]| {
                    let extent = extent(batch);
                    layer.forward(input, extent, Some(Residual { values, extent }))
                };
                let whole = run(PARTS, &input, &added);
                assert!(size_of_val(&whole[..]) > 16 << 20);
                let images = input.chunks_exact(input.len() / PARTS);
                let added = added.chunks_exact(added.len() / PARTS);
                let parts: Vec<f32> = images.zip(added).flat_map(|(i, r)| run(1, i, r)).collect();
                assert!(whole == parts, "{isa:?} {precision:?}, {kernel}x{kernel}");
            }
        }
    }
}

#[test]
fn of_linear_layers_are_those_of_their_rows() {
    let (rows, outputs) = (22_500, 208);
    // In one chunk of the depth, and in two.
    for inputs in [5, 800] {
        let mut numbers = Numbers::new(inputs as u64);
        let (weight, bias) = (numbers.take(outputs * inputs), numbers.take(outputs));
        let weights = LinearWeights {
            inputs,
            outputs,
            weight: &weight,
            bias: Some(&bias),
        };
        let input = numbers.take(rows * inputs);
        for isa in Isa::available() {
            for precision in [Precision::F32, Precision::Bf16] {
                let layer = Linear::new(isa, precision, &weights, None);
                let whole = layer.forward(&input, None);
                assert!(size_of_val(&whole[..]) > 16 << 20);
                let parts = input.chunks_exact(input.len() / PARTS);
                let parts: Vec<f32> = parts.flat_map(|it| layer.forward(it, None)).collect();
                assert!(whole == parts, "{isa:?} {precision:?}, {inputs} inputs");
            }
        }
    }
}

//! Outputs so large that they are written past the caches, against the same in parts that are not.

use std::alloc::System;

use kernels::{
    Conv2d, Conv2dWeights, Extent, Isa, Linear, LinearWeights, Precision, Rectifier, Residual,
    Retaining,
};

/// As in the service: large blocks begin at cache lines, without which nothing passes the caches. In a binary of its own, as
/// AddressSanitizer sees nothing of blocks that are kept.
#[global_allocator]
static ALLOCATOR: Retaining<System> = Retaining::new(System, 256 << 20);

const PARTS: usize = 3;

fn numbers(count: usize, seed: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f32 + seed) * 12.9898).sin())
        .collect()
}

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
                let weights = Conv2dWeights {
                    out_channels: 64,
                    in_channels,
                    kernel: (kernel, kernel),
                    stride: 1,
                    padding: kernel / 2,
                    weight: &numbers(64 * in_channels * kernel * kernel, 0.1),
                    bias: &numbers(64, 0.2),
                    rectifier: Rectifier::Relu,
                };
                let layer = Conv2d::new(isa, precision, &weights);
                let input = numbers(extent(PARTS).pixels() * in_channels, 0.3);
                let added = numbers(extent(PARTS).pixels() * 64, 0.4);
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
        let (weight, bias) = (numbers(outputs * inputs, 0.1), numbers(outputs, 0.2));
        let weights = LinearWeights {
            inputs,
            outputs,
            weight: &weight,
            bias: Some(&bias),
        };
        let input = numbers(rows * inputs, 0.3);
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

//! `cargo bench -p kernels`: each loop at the sizes of the face detector, one thread, median of many runs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod measure;

use std::hint::black_box;

use kernels::{
    AreaResample, Conv2d, Conv2dWeights, Extent, Isa, Normalise, Precision, Rectifier, Region,
};
use measure::measure;

fn main() {
    for isa in Isa::available() {
        println!("{isa:?}");
        for (name, (batch, height, width), (in_channels, out_channels), kernel, pool) in [
            ("P-Net conv1 + pool", (1, 74, 308), (3, 10), 3, Some(2)),
            ("P-Net conv2", (1, 36, 153), (10, 16), 3, None),
            ("P-Net conv3", (1, 34, 151), (16, 32), 3, None),
            ("P-Net conv4", (1, 32, 149), (32, 6), 1, None),
            ("R-Net conv1 + pool", (32, 24, 24), (3, 28), 3, Some(3)),
            ("R-Net conv2 + pool", (32, 11, 11), (28, 48), 3, Some(3)),
            ("R-Net conv3", (32, 4, 4), (48, 64), 2, None),
            ("R-Net dense4", (32, 1, 1), (576, 128), 1, None),
            ("O-Net conv1 + pool", (8, 48, 48), (3, 32), 3, Some(3)),
            ("O-Net conv2 + pool", (8, 23, 23), (32, 64), 3, Some(3)),
            ("O-Net conv3 + pool", (8, 10, 10), (64, 64), 3, Some(2)),
            ("O-Net conv4", (8, 4, 4), (64, 128), 2, None),
            ("O-Net dense5", (8, 1, 1), (1152, 256), 1, None),
        ] {
            let extent = Extent {
                batch,
                height,
                width,
            };
            let taps = in_channels * kernel * kernel;
            let layer = Conv2d::new(
                isa,
                Precision::F32,
                &Conv2dWeights {
                    out_channels,
                    in_channels,
                    kernel: (kernel, kernel),
                    stride: 1,
                    padding: 0,
                    weight: &vec![0.01; out_channels * taps],
                    bias: &vec![0.1; out_channels],
                    rectifier: Rectifier::PRelu(&vec![0.2; out_channels]),
                },
            );
            let input = vec![0.5; extent.pixels() * in_channels];
            let mut output = Vec::new();
            let (median, least) = measure(|| {
                output.clear();
                match pool {
                    Some(pool) => layer.append_max_pool(&input, extent, pool, &mut output),
                    None => layer.append(&input, extent, &mut output),
                }
                black_box(&output);
            });
            let pixels = layer.output_extent(extent).map_or(0, |out| out.pixels());
            let gflop = (2 * pixels * taps * out_channels) as f64 / 1e9;
            println!(
                "  {name:<20} median {median:8.3} ms  least {least:8.3} ms  {:6.1} GFLOP/s",
                gflop / (least / 1e3)
            );
        }
        let pixels = vec![200; 1024 * 1024 * 3];
        for size in [615, 309, 110, 28] {
            let mut output = Vec::new();
            let (median, least) = measure(|| {
                output.clear();
                let region = Region {
                    x: 0..1024,
                    y: 0..1024,
                };
                let normalise = Normalise {
                    offset: 127.5,
                    scale: 0.007_812_5,
                };
                AreaResample::new(isa, &pixels, 1024, region, (size, size), normalise)
                    .rows(0..size, &mut output);
                black_box(&output);
            });
            println!("  area 1024 to {size:<7} median {median:8.3} ms  least {least:8.3} ms");
        }
    }
}

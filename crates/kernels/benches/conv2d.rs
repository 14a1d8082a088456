//! `cargo bench -p kernels --bench conv2d [INSTRUCTIONS]`: the convolutions of Faster R-CNN at 800×1088, on every thread, by
//! precision; with the fastest instruction set or e.g. `Avx2`.
//! The rate counts operations as a convolution without Winograd's method has them.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod measure;

use std::hint::black_box;

use kernels::{Conv2d, Conv2dWeights, Extent, Isa, Precision, Rectifier};
use measure::measure;

/// Name, how often the network has it, output rows and columns, input and output channels, kernel, stride.
type Layer = (
    &'static str,
    usize,
    (usize, usize),
    (usize, usize),
    usize,
    usize,
);

const LAYERS: &[Layer] = &[
    ("stem 7x7 /2", 1, (400, 544), (3, 64), 7, 2),
    ("layer1 1x1 64-64", 1, (200, 272), (64, 64), 1, 1),
    ("layer1 1x1 256-64", 2, (200, 272), (256, 64), 1, 1),
    ("layer1 3x3 64", 3, (200, 272), (64, 64), 3, 1),
    ("layer1 1x1 64-256", 4, (200, 272), (64, 256), 1, 1),
    ("layer2 1x1 256-128", 1, (200, 272), (256, 128), 1, 1),
    ("layer2 3x3 /2 128", 1, (100, 136), (128, 128), 3, 2),
    ("layer2 1x1 /2 256-512", 1, (100, 136), (256, 512), 1, 2),
    ("layer2 1x1 512-128", 3, (100, 136), (512, 128), 1, 1),
    ("layer2 3x3 128", 3, (100, 136), (128, 128), 3, 1),
    ("layer2 1x1 128-512", 4, (100, 136), (128, 512), 1, 1),
    ("layer3 1x1 512-256", 1, (100, 136), (512, 256), 1, 1),
    ("layer3 3x3 /2 256", 1, (50, 68), (256, 256), 3, 2),
    ("layer3 1x1 /2 512-1024", 1, (50, 68), (512, 1024), 1, 2),
    ("layer3 1x1 1024-256", 5, (50, 68), (1024, 256), 1, 1),
    ("layer3 3x3 256", 5, (50, 68), (256, 256), 3, 1),
    ("layer3 1x1 256-1024", 6, (50, 68), (256, 1024), 1, 1),
    ("layer4 1x1 1024-512", 1, (50, 68), (1024, 512), 1, 1),
    ("layer4 3x3 /2 512", 1, (25, 34), (512, 512), 3, 2),
    ("layer4 1x1 /2 1024-2048", 1, (25, 34), (1024, 2048), 1, 2),
    ("layer4 1x1 2048-512", 2, (25, 34), (2048, 512), 1, 1),
    ("layer4 3x3 512", 2, (25, 34), (512, 512), 3, 1),
    ("layer4 1x1 512-2048", 3, (25, 34), (512, 2048), 1, 1),
    ("FPN 1x1 256-256", 1, (200, 272), (256, 256), 1, 1),
    ("FPN 1x1 512-256", 1, (100, 136), (512, 256), 1, 1),
    ("FPN 1x1 1024-256", 1, (50, 68), (1024, 256), 1, 1),
    ("FPN 1x1 2048-256", 1, (25, 34), (2048, 256), 1, 1),
    ("FPN, RPN 3x3 at 1/4", 2, (200, 272), (256, 256), 3, 1),
    ("FPN, RPN 3x3 at 1/8", 2, (100, 136), (256, 256), 3, 1),
    ("FPN, RPN 3x3 at 1/16", 2, (50, 68), (256, 256), 3, 1),
    ("FPN, RPN 3x3 at 1/32", 2, (25, 34), (256, 256), 3, 1),
    ("RPN 1x1 256-15 at 1/4", 1, (200, 272), (256, 15), 1, 1),
];

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| arg != "--bench");
    let isa = match wanted {
        Some(name) => Isa::available()
            .into_iter()
            .find(|isa| format!("{isa:?}") == name)
            .expect("an instruction set of this processor"),
        None => Isa::detect(),
    };
    let threads = rayon::current_num_threads();
    for precision in [Precision::F32, Precision::Bf16] {
        println!("{isa:?} {precision:?}, {threads} threads");
        let (mut time, mut work) = (0.0, 0.0);
        for &(name, count, (height, width), (in_channels, out_channels), kernel, stride) in LAYERS {
            let taps = in_channels * kernel * kernel;
            let weights = Conv2dWeights {
                out_channels,
                in_channels,
                kernel: (kernel, kernel),
                stride,
                padding: kernel / 2,
                weight: &vec![0.01; out_channels * taps],
                bias: &vec![0.1; out_channels],
                rectifier: Rectifier::Relu,
            };
            let layer = Conv2d::new(isa, precision, &weights);
            let extent = Extent {
                batch: 1,
                height: height * stride,
                width: width * stride,
            };
            let input = vec![0.5; extent.pixels() * in_channels];
            let (median, least) = measure(|| {
                black_box(layer.forward(&input, extent, None));
            });
            let gflop = (2 * height * width * taps * out_channels) as f64 / 1e9;
            let rate = gflop / (least / 1e3);
            println!(
                "  {name:<24} ×{count} median {median:8.2} ms  least {least:8.2} ms  {rate:6.1} GFLOP/s"
            );
            time += least * count as f64;
            work += gflop * count as f64;
        }
        println!(
            "  all: {time:.0} ms for {work:.1} GFLOP, {:.1} GFLOP/s",
            work / (time / 1e3)
        );
    }
}

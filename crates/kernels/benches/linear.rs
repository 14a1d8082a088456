//! `cargo bench -p kernels --bench linear [THREADS] [INSTRUCTIONS PRECISION]`: linear layers at the sizes of ViT-B, and the
//! limit that a large square product shows, and those of a text decoder with 4 beams; of everything, or e.g. of `Avx512Bf16 Bf16`. Median and least of many runs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod measure;

use std::hint::black_box;

use kernels::{Activation, Isa, Linear, LinearWeights, Precision};
use measure::measure;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let threads = args.iter().find_map(|arg| arg.parse().ok());
    let wanted: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| arg.parse::<usize>().is_err())
        .collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .expect("threads");
    pool.install(|| {
        for precision in [Precision::F32, Precision::Bf16] {
            for isa in Isa::available().into_iter().skip(1) {
                if !wanted.is_empty() && wanted != [format!("{isa:?}"), format!("{precision:?}")] {
                    continue;
                }
                println!("{isa:?} {precision:?}, {} threads", rayon::current_num_threads());
                for (rows, inputs, outputs, activation) in [
                    (2048, 2048, 2048, None),
                    (4, 768, 768, None),
                    (4, 768, 3072, Some(Activation::Gelu)),
                    (4, 3072, 768, None),
                    (4, 768, 30524, None),
                    (50, 768, 768, None),
                    (50, 768, 2304, None),
                    (50, 768, 3072, Some(Activation::QuickGelu)),
                    (50, 3072, 768, None),
                    (400, 768, 768, None),
                    (400, 768, 2304, None),
                    (400, 768, 3072, Some(Activation::QuickGelu)),
                    (400, 3072, 768, None),
                    (1370, 768, 768, None),
                    (1370, 768, 2304, None),
                    (1370, 768, 3072, Some(Activation::Gelu)),
                    (1370, 3072, 768, None),
                ] {
                    let weights = LinearWeights {
                        inputs,
                        outputs,
                        weight: &vec![0.01; inputs * outputs],
                        bias: Some(&vec![0.1; outputs]),
                    };
                    // As many layers as do not fit into the last cache, one after the other, as in a model.
                    let copies = (100_000_000 / (inputs * outputs * 4)).max(1);
                    let layers: Vec<_> = (0..copies)
                        .map(|_| Linear::new(isa, precision, &weights, activation))
                        .collect();
                    let input = vec![0.5; rows * inputs];
                    let mut next = 0;
                    let (median, least) = measure(|| {
                        black_box(layers[next % copies].forward(black_box(&input), None));
                        next += 1;
                    });
                    let gflop = 2e-9 * (rows * inputs * outputs) as f64;
                    println!(
                        "{rows:5} x {inputs:4} -> {outputs:4}   {:8.3} ms, least {:8.3}   {:6.1} GFLOP/s, most {:6.1}",
                        median,
                        least,
                        gflop / median * 1e3,
                        gflop / least * 1e3
                    );
                }
            }
        }
    });
}

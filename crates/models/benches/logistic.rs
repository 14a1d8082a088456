//! Time of a fit, 20,000 embeddings of 512 numbers, on as many threads as rayon starts.
//!
//!     cargo bench -p models --bench logistic
//!
//! `parity/run.py logistic` times scikit-learn beside `image-embed train`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::error::Error;
use std::time::Instant;

use models::logistic::{FitOptions, Samples, fit};

const ROWS: usize = 20_000;
const WIDTH: usize = 512;
const REPEATS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut seed = 1_u64;
    let mut number = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let mean: Vec<f32> = (0..WIDTH).map(|_| 0.02 * number()).collect();
    let labels: Vec<bool> = (0..ROWS).map(|_| number() < -0.4).collect();
    let mut features = Vec::with_capacity(ROWS * WIDTH);
    for &label in &labels {
        let sign = if label { 1.0 } else { -1.0 };
        features.extend(mean.iter().map(|mean| number() + sign * mean));
    }
    let samples = Samples::new(&features, &labels)?;
    let mut times = Vec::new();
    let mut iterations = 0;
    for _ in 0..REPEATS {
        let began = Instant::now();
        iterations = fit(&samples, &FitOptions::default())?.iterations;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "fit of {ROWS} x {WIDTH}: median {:.1} ms, fastest {:.1} ms, {iterations} iterations, {} threads",
        times[REPEATS / 2],
        times[0],
        rayon::current_num_threads()
    );
    Ok(())
}

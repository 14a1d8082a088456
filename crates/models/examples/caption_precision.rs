//! `cargo run --release -p models --example caption_precision -- FOLDER IMAGE...`: how far BLIP's scores of the next token are off
//! with bf16, step by step along the caption that f32 writes. `FOLDER` holds `config.json`, `tokenizer.json` and
//! `model.safetensors`.
#![expect(clippy::print_stdout, reason = "its results")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use imaging::{ExifOrientation, Limits, decode};
use kernels::Precision;
use models::Placement;
use models::blip::{Blip, RECIPE};
use weights::Checkpoint;

/// Of the captions.
const TOKENS: usize = 20;
const BEAMS: usize = 4;

fn main() -> Result<()> {
    let mut paths = std::env::args().skip(1).map(PathBuf::from);
    let folder = paths.next().context("no folder of weights given")?;
    let blips = [Precision::F32, Precision::Bf16].map(|precision| load(&folder, precision));
    let [exact, rounded] = blips;
    let (exact, rounded) = (exact?, rounded?);
    for path in paths {
        let image = decode(
            &std::fs::read(&path)?,
            &Limits::default(),
            ExifOrientation::Ignore,
        )?;
        let pixels = RECIPE.apply(&image)?;
        let tokens = exact.write_on(&[&pixels], BEAMS, TOKENS)?.remove(0);
        let steps = exact.scores(&pixels, &tokens)?.into_iter();
        let steps = steps.zip(rounded.scores(&pixels, &tokens)?);
        println!("{}", path.display());
        for (step, (exact, rounded)) in steps.enumerate() {
            println!("  step {step:2}: {}", Difference::of(&exact, &rounded));
        }
    }
    Ok(())
}

fn load(folder: &Path, precision: Precision) -> Result<Blip> {
    let file = |name| folder.join(name);
    let checkpoint = Checkpoint::open(&file("model.safetensors"))?;
    let placement = Placement::new(precision);
    Ok(Blip::load(
        &file("config.json"),
        &file("tokenizer.json"),
        &checkpoint,
        &placement,
    )?)
}

/// Of two vectors of scores.
struct Difference {
    /// Root of the mean square, as a share of the scores' deviation.
    error: f64,
    largest: f64,
    /// By how many deviations the best score leads.
    lead: f64,
    same_best: bool,
}

impl Difference {
    fn of(exact: &[f32], other: &[f32]) -> Self {
        let count = exact.len() as f64;
        let mean = exact.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let square = |x: f64| x * x;
        let deviation = (exact
            .iter()
            .map(|&x| square(f64::from(x) - mean))
            .sum::<f64>()
            / count)
            .sqrt();
        let errors = || {
            exact
                .iter()
                .zip(other)
                .map(|(&a, &b)| f64::from(a - b).abs() / deviation)
        };
        let best = |scores: &[f32]| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            (order[0], order[1])
        };
        let (first, second) = best(exact);
        Self {
            error: (errors().map(square).sum::<f64>() / count).sqrt(),
            largest: errors().fold(0.0, f64::max),
            lead: f64::from(exact[first] - exact[second]) / deviation,
            same_best: best(other).0 == first,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            error,
            largest,
            lead,
            same_best,
        } = self;
        let best = if *same_best {
            "same best"
        } else {
            "other best"
        };
        write!(
            f,
            "error {error:.4}, largest {largest:.4}, lead of the best {lead:.4}, {best}"
        )
    }
}

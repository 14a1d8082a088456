mod measurement;
mod subject;

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use kernels::{Isa, Linear, LinearWeights, Precision};

use crate::config::WeightsSettings;
use measurement::{Measurement, measure};
use subject::{Case, Subject};

#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// The models to time, as `models list` names them [default: those served by default]
    #[arg(value_name = "MODEL", value_parser = Subject::find)]
    models: Vec<Subject>,

    /// Images in a forward pass; a detector takes one at a time whatever this says
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 8], value_parser = batch)]
    batch: Vec<usize>,

    /// Numbers to multiply
    #[arg(long, value_delimiter = ',', default_values_t = [Numbers::F32, Numbers::Bf16], ignore_case = true)]
    precision: Vec<Numbers>,

    /// Threads that compute [default: one a core]
    #[arg(long, env = "IMAGE_EMBED_THREADS", value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Least time for each figure
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    weights: WeightsSettings,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Numbers {
    F32,
    Bf16,
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(precision_name((*self).into()))
    }
}

impl From<Numbers> for Precision {
    fn from(numbers: Numbers) -> Self {
        match numbers {
            Numbers::F32 => Self::F32,
            Numbers::Bf16 => Self::Bf16,
        }
    }
}

fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "f32",
        Precision::Bf16 => "bf16",
    }
}

fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("a batch has 1 to 1024 images".to_owned()),
    }
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.unwrap_or(cores).get())
            .build()
            .context("cannot start the compute threads")?;
        pool.install(|| self.measure_all())?;
        Ok(ExitCode::SUCCESS)
    }

    fn measure_all(&self) -> anyhow::Result<()> {
        let store = self.weights.store()?;
        let time = Duration::from_secs(self.seconds);
        let precisions: Vec<Precision> = self.precision.iter().map(|&n| n.into()).collect();
        if !self.json {
            self.print_head()?;
        }
        for &precision in &precisions {
            self.print(&limit(precision, time))?;
        }
        let defaults = Subject::defaults();
        let subjects = if self.models.is_empty() {
            &defaults
        } else {
            &self.models
        };
        for subject in subjects {
            for &precision in &precisions {
                for mut case in subject.cases(&store, precision, &self.batch)? {
                    self.print(&measured(&mut case, precision, time)?)?;
                }
            }
        }
        Ok(())
    }

    fn print_head(&self) -> io::Result<()> {
        let threads = rayon::current_num_threads();
        let mut out = io::stdout().lock();
        writeln!(out, "{:?}, {threads} threads", Isa::detect())?;
        writeln!(
            out,
            "{:<34} {:>5} {:>9} {:>11} {:>11} {:>9}",
            "model", "batch", "precision", "median ms", "least ms", "GFLOP/s"
        )
    }

    fn print(&self, measurement: &Measurement) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, measurement)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{measurement}")?;
        }
        Ok(())
    }
}

fn measured(case: &mut Case, precision: Precision, time: Duration) -> anyhow::Result<Measurement> {
    let mut outcome = Ok(());
    let (median, least) = measure(time, || {
        let run = (case.run)();
        if outcome.is_ok() {
            outcome = run;
        }
    });
    outcome?;
    Ok(Measurement {
        model: case.model.clone(),
        batch: case.batch,
        precision: precision_name(precision),
        median_ms: median * 1e3,
        min_ms: least * 1e3,
        gflops: case.gflop.map(|gflop| gflop / median),
    })
}

/// The processor's matrix rate as these kernels reach it on a square product, against which a model is to be read.
fn limit(precision: Precision, time: Duration) -> Measurement {
    const SIDE: usize = 2048;
    let numbers: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 7) as f32 - 3.0).collect();
    let weights = LinearWeights {
        inputs: SIDE,
        outputs: SIDE,
        weight: &numbers,
        bias: None,
    };
    let layer = Linear::new(Isa::detect(), precision, &weights, None);
    let (median, least) = measure(time, || drop(layer.forward(&numbers, None)));
    Measurement {
        model: "limit".into(),
        batch: 1,
        precision: precision_name(precision),
        median_ms: median * 1e3,
        min_ms: least * 1e3,
        gflops: Some(2e-9 * (SIDE as f64).powi(3) / median),
    }
}

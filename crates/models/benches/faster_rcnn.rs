//! `cargo bench -p models --bench faster_rcnn -- WEIGHTS IMAGE... [--persons] [--f32] [--threads N]`: how long a search for
//! persons takes.
//!
//! `WEIGHTS` is the weights file or a seeded one. `--persons` prints the persons instead, a line of numbers each: box, score.
//! Products are of bf16, or with `--f32` of f32.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::Device;
use imaging::{ExifOrientation, Limits, RgbImage, decode};
use models::faster_rcnn::FasterRcnn;
use models::{Placement, Precision};
use weights::Checkpoint;

fn main() -> Result<()> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let (mut persons, mut precision, mut threads) = (false, Precision::Bf16, 2);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--persons" => persons = true,
            "--f32" => precision = Precision::F32,
            "--threads" => threads = arguments.next().context("--threads N")?.parse()?,
            path => paths.push(path.into()),
        }
    }
    let Some((weights, images)) = paths.split_first() else {
        println!("no weights given, nothing measured");
        return Ok(());
    };
    let placement = Placement::new(Device::Cpu, precision);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let checkpoint = Checkpoint::open(weights)?;
    let network = pool.install(|| FasterRcnn::load(&checkpoint, &placement))?;
    for path in images {
        let bytes = std::fs::read(path)?;
        let image = decode(&bytes, &Limits::default(), ExifOrientation::Ignore)?;
        println!("{} {}x{}", path.display(), image.width(), image.height());
        if persons {
            pool.install(|| print_persons(&network, &image))?;
        } else {
            pool.install(|| measure(&network, &image))?;
        }
    }
    Ok(())
}

fn print_persons(network: &FasterRcnn, image: &RgbImage) -> Result<()> {
    for person in network.detect(image)? {
        let [x0, y0, x1, y1] = person.bbox;
        println!("{x0} {y0} {x1} {y1} {}", person.score);
    }
    Ok(())
}

fn measure(network: &FasterRcnn, image: &RgbImage) -> Result<()> {
    network.detect(image)?;
    let mut times = Vec::new();
    let began = Instant::now();
    while times.len() < 5 || began.elapsed().as_secs() < 10 {
        let start = Instant::now();
        black_box(network.detect(image)?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    println!(
        "  median {median:.1} ms, least {:.1} ms, of {}",
        times[0],
        times.len()
    );
    Ok(())
}

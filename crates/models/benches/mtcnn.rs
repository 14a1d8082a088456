//! `cargo bench -p models --bench mtcnn -- WEIGHTS_DIR IMAGE... [--faces] [--threads N]`: how long a face search takes.
//!
//! `WEIGHTS_DIR` holds `pnet.pt`, `rnet.pt` and `onet.pt`. `--faces` prints the faces instead, a line of numbers each:
//! box, score, landmarks.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use imaging::{ExifOrientation, Limits, RgbImage, decode};
use models::mtcnn::Mtcnn;
use models::{Interrupt, Placement, Precision};

fn main() -> Result<()> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let (mut faces, mut threads) = (false, 2);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--faces" => faces = true,
            "--threads" => threads = arguments.next().context("--threads N")?.parse()?,
            path => paths.push(path.into()),
        }
    }
    let Some((weights, images)) = paths.split_first() else {
        println!("no weights folder given, nothing measured");
        return Ok(());
    };
    let [pnet, rnet, onet] = ["pnet.pt", "rnet.pt", "onet.pt"].map(|name| weights.join(name));
    let mtcnn = Mtcnn::load(&pnet, &rnet, &onet, &Placement::new(Precision::F32))?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    for path in images {
        let bytes = std::fs::read(path)?;
        let image = decode(&bytes, &Limits::default(), ExifOrientation::Ignore)?;
        println!("{} {}x{}", path.display(), image.width(), image.height());
        if faces {
            pool.install(|| print_faces(&mtcnn, &image))?;
        } else {
            pool.install(|| measure(&mtcnn, &image))?;
        }
    }
    Ok(())
}

fn print_faces(mtcnn: &Mtcnn, image: &RgbImage) -> Result<()> {
    for face in mtcnn.detect(image, Interrupt::NEVER)? {
        let numbers = face
            .bbox
            .into_iter()
            .chain([face.score])
            .chain(face.landmarks.into_iter().flatten());
        println!(
            "{}",
            numbers.map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
        );
    }
    Ok(())
}

fn measure(mtcnn: &Mtcnn, image: &RgbImage) -> Result<()> {
    for _ in 0..3 {
        mtcnn.detect(image, Interrupt::NEVER)?;
    }
    let mut times = Vec::new();
    let began = Instant::now();
    while times.len() < 10 || began.elapsed().as_secs() < 4 {
        let start = Instant::now();
        black_box(mtcnn.detect(image, Interrupt::NEVER)?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    println!(
        "  median {median:.2} ms, least {:.2} ms, of {}",
        times[0],
        times.len()
    );
    Ok(())
}

//! Medians and minima of decoding JPEG files of 0.3, 1, 12 and 48 megapixels: `cargo bench -p imaging --bench jpeg`,
//! with `-- --threads=2` by that many threads.
#![expect(clippy::print_stdout, reason = "the table is what the bench is for")]

mod measure;

use std::num::NonZeroUsize;

use imaging::{ExifOrientation, Filter, Limits, RgbImage, Workers, decode, resize};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use measure::measure;

/// The astronaut at 1024x1024, 4:2:0, quality 75.
const PHOTOGRAPH: &[u8] = include_bytes!("data/astronaut-1024.jpg");

/// How a file is coded.
#[derive(Clone, Copy)]
enum Kind {
    Halved,
    Full,
    Progressive,
    /// With a restart marker behind each row of blocks.
    Restarts,
}

fn main() {
    let mut arguments = std::env::args();
    if let Some(threads) = arguments.find_map(|it| Some(it.strip_prefix("--threads=")?.to_owned()))
    {
        let threads: NonZeroUsize = threads.parse().expect("a number of threads");
        Workers::new(threads).expect("threads").help_this_thread();
    }
    let limits = Limits::default();
    let open = |file: &[u8]| decode(file, &limits, ExifOrientation::Ignore).expect("an image");
    let photograph = open(PHOTOGRAPH);
    for (width, height) in [(640, 480), (1152, 864), (4032, 3024), (8064, 6048)] {
        let picture = resize(&photograph, width, height, Filter::Lanczos).expect("a picture");
        for (name, kind) in [
            ("4:2:0", Kind::Halved),
            ("4:4:4", Kind::Full),
            ("progressive", Kind::Progressive),
            ("with restarts", Kind::Restarts),
        ] {
            let file = encode(&picture, kind);
            let kilobytes = file.len() / 1000;
            let name = format!("{width}x{height} {name}, {kilobytes} KB");
            measure(&name, || open(&file));
        }
    }
}

fn encode(picture: &RgbImage, kind: Kind) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    encoder.set_sampling_factor(match kind {
        Kind::Full => SamplingFactor::F_1_1,
        _ => SamplingFactor::F_2_2,
    });
    encoder.set_progressive(matches!(kind, Kind::Progressive));
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    if matches!(kind, Kind::Restarts) {
        encoder.set_restart_interval(width.div_ceil(16));
    }
    encoder
        .encode(picture.pixels(), width, height, ColorType::Rgb)
        .expect("a file");
    file
}

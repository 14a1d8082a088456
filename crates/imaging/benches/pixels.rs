//! Medians and minima of decode, resize, crop and PNG on one thread: `cargo bench -p imaging`.
//! A file named behind `--` is decoded too.
#![expect(clippy::print_stdout, reason = "the table is what the bench is for")]

use std::hint::black_box;
use std::time::Instant;

use imaging::{ExifOrientation, Filter, Limits, RgbImage, crop, decode, encode_png, resize};

/// The astronaut at 1024x1024, 4:2:0, quality 75.
const PHOTOGRAPH: &[u8] = include_bytes!("data/astronaut-1024.jpg");

fn main() {
    let limits = Limits::default();
    let open = |bytes: &[u8]| decode(bytes, &limits, ExifOrientation::Ignore).expect("an image");
    for path in std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
    {
        let bytes = std::fs::read(&path).expect("a readable file");
        let name = format!("decode {path}");
        median(&name, || open(bytes.as_slice()));
    }
    median("decode 1024x1024 JPEG", || open(PHOTOGRAPH));
    let photograph = open(PHOTOGRAPH);
    for (side, filter) in [
        (224, Filter::Bicubic),
        (518, Filter::Bicubic),
        (384, Filter::Bicubic),
        (800, Filter::Bilinear),
        (224, Filter::Lanczos),
        (224, Filter::Box),
        (2048, Filter::Bicubic),
    ] {
        let name = format!("resize 1024x1024 to {side}x{side} {filter:?}");
        median(&name, || {
            resize(&photograph, side, side, filter).expect("a resized image")
        });
    }
    let cut = |bbox| -> RgbImage { crop(&photograph, bbox, &limits).expect("a crop") };
    median("crop 512x512", || cut([256, 256, 768, 768]));
    let part = resize(&photograph, 512, 512, Filter::Bicubic).expect("a resized image");
    median("PNG of 512x512", || encode_png(&part).expect("a PNG"));
    println!(
        "PNG of 512x512: {} bytes",
        encode_png(&part).expect("a PNG").len()
    );
    let png = encode_png(&photograph).expect("a PNG");
    median("decode 1024x1024 PNG", || open(&png));
}

/// Prints the median of 31 runs, and the least, which other work on the machine disturbs less.
fn median<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut times: Vec<f64> = (0..31)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{name:45} {:8.2} ms, least {:8.2} ms",
        times[times.len() / 2],
        times[0]
    );
}

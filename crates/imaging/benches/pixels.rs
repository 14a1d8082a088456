//! Medians and minima of decode, resize, crop and PNG: `cargo bench -p imaging`.
//! A file named behind `--` is decoded too, and `--threads=2` lets a picture have that many.
#![expect(clippy::print_stdout, reason = "the table is what the bench is for")]

mod measure;

use std::num::NonZeroUsize;

use imaging::{
    ExifOrientation, Filter, Limits, Window, Workers, crop, decode, encode_png, resize,
    resize_window,
};

use measure::measure;

/// The astronaut at 1024x1024, 4:2:0, quality 75.
const PHOTOGRAPH: &[u8] = include_bytes!("data/astronaut-1024.jpg");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--threads="));
    if let Some(threads) = threads {
        let threads: NonZeroUsize = threads.parse().expect("a number of threads");
        Workers::new(threads).expect("threads").help_this_thread();
    }
    let limits = Limits::default();
    let open = |bytes: &[u8]| decode(bytes, &limits, ExifOrientation::Ignore).expect("an image");
    for path in arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"))
    {
        let bytes = std::fs::read(path).expect("a readable file");
        measure(&format!("decode {path}"), || open(bytes.as_slice()));
    }
    measure("decode 1024x1024 JPEG", || open(PHOTOGRAPH));
    let photograph = open(PHOTOGRAPH);
    for (side, filter) in [
        (384, Filter::Bicubic),
        (224, Filter::Lanczos),
        (224, Filter::Box),
        (2048, Filter::Bicubic),
    ] {
        let name = format!("resize 1024x1024 to {side}x{side} {filter:?}");
        measure(&name, || {
            resize(&photograph, side, side, filter).expect("a resized image")
        });
    }
    for (width, height) in [(640, 480), (1152, 864), (4032, 3024), (8064, 6048)] {
        let name = |what: &str| format!("{what}, {width}x{height}");
        let picture = resize(&photograph, width, height, Filter::Bicubic).expect("a picture");
        for side in [224, 518] {
            let long = u64::from(side) * 4 / 3;
            let middle = Window {
                left: (long - u64::from(side)) / 2,
                top: 0,
                width: side,
                height: side,
            };
            measure(&name(&format!("middle {side}x{side} Bicubic")), || {
                resize_window(&picture, long, side.into(), middle, Filter::Bicubic)
                    .expect("a resized image")
            });
        }
        measure(&name("to 1066x800 Bilinear"), || {
            resize(&picture, 1066, 800, Filter::Bilinear).expect("a resized image")
        });
        let (right, bottom) = (width as i32, height as i32);
        let half = [right / 4, 0, right / 4 * 3, bottom];
        measure(&name("crop half of it"), || {
            crop(&picture, half, &limits).expect("a crop")
        });
        let png = encode_png(&picture).expect("a PNG");
        let per_pixel = png.len() as f64 / (f64::from(width) * f64::from(height));
        measure(
            &name(&format!("PNG ({per_pixel:.3} bytes a pixel)")),
            || encode_png(&picture).expect("a PNG"),
        );
        measure(&name("decode PNG"), || open(&png));
    }
}

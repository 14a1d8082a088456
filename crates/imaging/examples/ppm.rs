//! Decodes files to PPM, for comparisons with Pillow: `ppm decode [IN OUT]...`, or resizes one:
//! `ppm resize IN WIDTH HEIGHT box|bilinear|bicubic|lanczos OUT`. Prints one line per file. With `PPM_THREADS=N` in the
//! environment, N threads work on large pictures.
#![expect(
    clippy::print_stdout,
    reason = "parity/imaging_photographs.py reads the lines"
)]

use std::error::Error;
use std::fs;
use std::io::{self, Write};

use imaging::{ExifOrientation, Filter, Limits, RgbImage, Workers, decode, resize};

fn main() -> Result<(), Box<dyn Error>> {
    if let Ok(threads) = std::env::var("PPM_THREADS") {
        Workers::new(threads.parse()?)?.help_this_thread();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &arguments[..] {
        ["decode", files @ ..] => {
            for [input, output] in files.as_chunks::<2>().0 {
                match open(input) {
                    Ok(image) => {
                        write(&image, output)?;
                        println!("ok {input}");
                    }
                    Err(error) => println!("error {input}: {error}"),
                }
            }
            Ok(())
        }
        ["resize", input, width, height, filter, output] => {
            let filter = match *filter {
                "box" => Filter::Box,
                "bilinear" => Filter::Bilinear,
                "bicubic" => Filter::Bicubic,
                "lanczos" => Filter::Lanczos,
                other => return Err(format!("unknown filter {other:?}").into()),
            };
            let image = open(input)?;
            Ok(write(
                &resize(&image, width.parse()?, height.parse()?, filter)?,
                output,
            )?)
        }
        _ => Err("usage: ppm decode [IN OUT]... | ppm resize IN WIDTH HEIGHT FILTER OUT".into()),
    }
}

fn open(path: &str) -> Result<RgbImage, Box<dyn Error>> {
    Ok(decode(
        &fs::read(path)?,
        &Limits::default(),
        ExifOrientation::Ignore,
    )?)
}

fn write(image: &RgbImage, path: &str) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    write!(file, "P6\n{} {}\n255\n", image.width(), image.height())?;
    file.write_all(image.pixels())
}

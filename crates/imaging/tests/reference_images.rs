//! Every file in `tests/data/<format>/` against `<file>.ppm`, the pixels that Pillow reads from it.
//! `parity/imaging_goldens.py` writes them.

use std::fs;
use std::path::{Path, PathBuf};

use imaging::{ExifOrientation, Limits, RgbImage, decode};

mod ppm;

/// Compares a folder's files with their references; returns the worst largest and mean difference.
fn compare(folder: &str, orientation: ExifOrientation, allowed: impl Fn(&str) -> u8) -> (u8, f64) {
    let mut compared = 0;
    let mut worst = (0, 0.0);
    let mut failures = Vec::new();
    for path in files(folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let reference = ppm::read(&fs::read(path.with_file_name(format!("{name}.ppm"))).unwrap());
        let bytes = fs::read(&path).unwrap();
        match decode(&bytes, &Limits::default(), orientation) {
            Err(error) => failures.push(format!("{name}: {error}")),
            Ok(image)
                if (image.width(), image.height()) != (reference.width(), reference.height()) =>
            {
                failures.push(format!("{name}: {image:?} is not {reference:?}"));
            }
            Ok(image) => {
                let (largest, mean) = difference(&image, &reference);
                worst = (largest.max(worst.0), mean.max(worst.1));
                if largest > allowed(&name) {
                    failures.push(format!(
                        "{name}: differs by up to {largest}, {mean:.3} on average"
                    ));
                }
            }
        }
        compared += 1;
    }
    assert!(
        failures.is_empty(),
        "{} of {compared}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(compared > 3, "only {compared} files in {folder}");
    worst
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("parity/imaging_goldens.py writes this folder")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "ppm"))
        .collect();
    files.sort();
    files
}

/// The largest and the mean difference between samples. Panics when the sizes differ.
fn difference(ours: &RgbImage, reference: &RgbImage) -> (u8, f64) {
    assert_eq!(
        (ours.width(), ours.height()),
        (reference.width(), reference.height()),
        "size"
    );
    let pairs = ours.pixels().iter().zip(reference.pixels());
    let (largest, sum) = pairs.fold((0, 0_u64), |(largest, sum), (&a, &b)| {
        (a.abs_diff(b).max(largest), sum + u64::from(a.abs_diff(b)))
    });
    (largest, sum as f64 / ours.pixels().len() as f64)
}

#[test]
fn png_equals_pillow() {
    compare("png", ExifOrientation::Ignore, |_| 0);
}

#[test]
fn gif_equals_pillow() {
    compare("gif", ExifOrientation::Ignore, |_| 0);
}

#[test]
fn bmp_equals_pillow() {
    compare("bmp", ExifOrientation::Ignore, |_| 0);
}

#[test]
fn tiff_equals_pillow() {
    compare("tiff", ExifOrientation::Ignore, |_| 0);
}

/// The lossy files too: image-webp's decoder, upsampling and colours are libwebp's to the bit.
#[test]
fn webp_equals_pillow() {
    compare("webp", ExifOrientation::Ignore, |_| 0);
}

/// The lossy files too: libavif's way from YUV to RGB, with libyuv's arithmetic.
#[test]
fn avif_equals_pillow() {
    compare("avif", ExifOrientation::Ignore, |_| 0);
}

/// libheif's pixels, in which a floating-point number may be rounded the other way.
#[cfg(feature = "heic")]
#[test]
fn heic_is_close_to_pillow_with_its_plugin() {
    compare("heic", ExifOrientation::Apply, |name| {
        u8::from(name.starts_with("limited"))
    });
}

/// The reversible files to the bit; of the lossy ones a few samples are rounded the other way.
#[test]
fn jpeg2000_is_close_to_pillow() {
    compare("jpeg2000", ExifOrientation::Ignore, |name| {
        u8::from(name.starts_with("lossy"))
    });
}

/// libjxl's pixels: the lossless files to the bit, in the lossy ones the rounding is dithered.
#[test]
fn jxl_is_close_to_libjxl() {
    compare("jxl", ExifOrientation::Ignore, |name| {
        u8::from(name.starts_with("lossy"))
    });
}

#[test]
fn small_formats_equal_pillow() {
    for folder in ["dib", "icons", "pnm", "tga", "pcx", "sgi", "qoi", "psd"] {
        compare(folder, ExifOrientation::Ignore, |_| 0);
    }
}

/// libjpeg-turbo to the last bit: its transform, its upsampling, its colours.
#[test]
fn jpeg_equals_pillow() {
    compare("jpeg", ExifOrientation::Ignore, |_| 0);
}

#[test]
fn orientations_equal_pillow() {
    compare("orientation", ExifOrientation::Apply, |_| 0);
}

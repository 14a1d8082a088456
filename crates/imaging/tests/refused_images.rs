//! Every file in `tests/data/bad/` is an error of the right kind, quickly and within bounded memory,
//! and no prefix of a good file makes a panic or a picture with a part missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use imaging::{DecodeError, ExifOrientation, Limits, decode, decode_bytes};

/// Every folder of good files.
const FOLDERS: &[&str] = &[
    "jpeg",
    "png",
    "webp",
    "gif",
    "bmp",
    "tiff",
    "avif",
    #[cfg(feature = "heic")]
    "heic",
    "jpeg2000",
    "jxl",
    "dib",
    "icons",
    "pnm",
    "tga",
    "pcx",
    "sgi",
    "qoi",
    "psd",
];

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
    let entries = fs::read_dir(folder).expect("parity/imaging_goldens.py writes this folder");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "ppm"));
    files.sort();
    files
}

#[test]
fn bad_files_are_errors_by_blame() {
    let files = files("bad");
    assert!(files.len() > 50, "only {} files", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let start = Instant::now();
        let result = decode(
            &fs::read(&path).unwrap(),
            &Limits::default(),
            ExifOrientation::Apply,
        );
        let error = result.expect_err(name);
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{name} took {:?}",
            start.elapsed()
        );
        let right = match &error {
            DecodeError::NotAnImage { .. } | DecodeError::NotDecoded { .. } => {
                name.ends_with(".bin")
            }
            DecodeError::TooLarge(_) => name.starts_with("bomb-"),
            DecodeError::Truncated { .. } | DecodeError::Corrupt { .. } => {
                !name.ends_with(".bin") && (!name.starts_with("bomb-") || name == "bomb-frame.webp")
            }
            DecodeError::Unsupported { .. } => false,
        };
        assert!(right, "{name}: {error:?}");
    }
}

/// Cut at every length, a file is an error, or (where only its trailer is missing) the same image.
#[test]
fn no_prefix_gives_half_a_picture() {
    for folder in FOLDERS {
        for path in files(folder) {
            // A written number without its last digit is another number, and a PCX without the palette at
            // its end is grey.
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.contains("-plain.") || matches!(name, "p.pcx" | "p-even.pcx") {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let limits = Limits::default();
            let whole = decode(&bytes, &limits, ExifOrientation::Ignore).unwrap();
            let step = (bytes.len() / 60).max(1);
            let tail = bytes.len().saturating_sub(24)..bytes.len();
            for length in (0..bytes.len()).step_by(step).chain(tail) {
                if let Ok(image) = decode(&bytes[..length], &limits, ExifOrientation::Ignore) {
                    assert!(image == whole, "{} cut to {length} bytes", path.display());
                }
            }
        }
    }
}

#[test]
fn small_limits_refuse_good_files_before_decoding() {
    for folder in FOLDERS {
        for path in files(folder) {
            let bytes = fs::read(&path).unwrap();
            let limits = [
                Limits {
                    max_pixels: 0,
                    ..Limits::default()
                },
                Limits {
                    max_side: 0,
                    ..Limits::default()
                },
                Limits {
                    max_decode_bytes: 0,
                    ..Limits::default()
                },
            ];
            for limits in limits {
                let error = decode(&bytes, &limits, ExifOrientation::Ignore).unwrap_err();
                assert!(
                    matches!(error, DecodeError::TooLarge(_)),
                    "{}: {error}",
                    path.display()
                );
            }
        }
    }
}

/// What `decode_bytes` says is enough, and no less is.
#[test]
fn the_stated_need_is_just_enough() {
    for folder in FOLDERS {
        for path in files(folder) {
            let bytes = fs::read(&path).unwrap();
            let needed = decode_bytes(&bytes, &Limits::default()).unwrap();
            let limits = |max_decode_bytes| Limits {
                max_decode_bytes,
                ..Limits::default()
            };
            let result = decode(&bytes, &limits(needed), ExifOrientation::Ignore);
            assert!(result.is_ok(), "{}: {result:?}", path.display());
            let result = decode(&bytes, &limits(needed - 1), ExifOrientation::Ignore);
            assert!(
                matches!(result, Err(DecodeError::TooLarge(_))),
                "{}: {result:?}",
                path.display()
            );
        }
    }
}

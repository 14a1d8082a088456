//! JPEG with Huffman or arithmetic coding, baseline, extended and progressive: the same bytes as
//! libjpeg-turbo with its default settings (which are Pillow's), also for damaged files, and an
//! error where Pillow reports one.

mod arithmetic;
mod arithmetic_blocks;
mod arithmetic_states;
mod bands;
mod bits;
mod blocks;
mod canvas;
mod color;
mod cursor;
mod frame;
mod headers;
mod huffman;
mod idct;
mod progressive;
mod restarts;
mod scan;
mod scans;
mod sequential;
mod smoothing;
mod standard_huffman;
mod stretched;
mod tables;
#[cfg(test)]
mod tests;
mod walk;

use fearless_simd::Level;

use self::color::Model;
use self::frame::Frame;
use self::headers::Headers;
use super::{check_held, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    decode_at(level(), bytes, limits)
}

/// What these loops are compiled for: with vectors of 512 bits they take 2 to 4 % longer (Zen 4).
fn level() -> Level {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = best.as_avx2() {
        return Level::Avx2(avx2);
    }
    best
}

/// The same, with the instructions of `level`.
fn decode_at(level: Level, bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let choose = |headers: &Headers<'_>, frame: &Frame| Ok(headers.model(frame));
    decode_as(level, Headers::new(bytes), limits, choose)
}

/// What another file format says of the components of the JPEG data in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colors {
    Grey,
    InvertedGrey,
    Rgb,
    YCbCr,
    /// CMYK, 255 being full ink.
    Inks,
}

/// Decodes a strip or tile of a TIFF file; `tables` is a JPEG file with tables alone, or empty.
/// Data that ends early counts as ended by a marker, as in libtiff.
pub(super) fn decode_part(
    tables: &[u8],
    data: &[u8],
    colors: Colors,
    limits: &Limits,
) -> Result<RgbImage, DecodeError> {
    let data = [data, b"\xff\xd9"].concat();
    let mut headers = Headers::new(tables);
    if !tables.is_empty() {
        headers.next_scan()?;
    }
    headers.go_on(&data);
    decode_as(level(), headers, limits, |_, frame| {
        let model = match colors {
            Colors::Grey => Model::Grey,
            Colors::InvertedGrey => Model::InvertedGrey,
            Colors::Rgb => Model::Rgb,
            Colors::YCbCr => Model::YCbCr,
            Colors::Inks => Model::Inks,
        };
        if frame.components.len() != model.components() {
            let count = frame.components.len();
            return Err(
                Format::Jpeg.corrupt(format!("{count} components, not {}", model.components()))
            );
        }
        Ok(model)
    })
}

fn decode_as(
    level: Level,
    mut headers: Headers<'_>,
    limits: &Limits,
    choose: impl FnOnce(&Headers<'_>, &Frame) -> Result<Model, DecodeError>,
) -> Result<RgbImage, DecodeError> {
    let scan = headers.next_scan()?;
    let (Some(scan), Some(frame)) = (scan, headers.frame.clone()) else {
        return Err(Format::Jpeg.corrupt("it has no scan"));
    };
    let (width, height) = (frame.width as u64, frame.height as u64);
    check_held(Format::Jpeg, limits, width, height, 0)?;
    if width.max(height) > 65_500 {
        return Err(Format::Jpeg.unsupported(format!("{width}x{height} pixels")));
    }
    // Pictures with several scans hold two bytes per coefficient until the last one.
    let at_once = !frame.coding.progressive && scan.parts.len() == frame.components.len();
    let coefficients = if at_once { 0 } else { frame.samples() * 2 };
    let bands = bands::most(&frame) as u64 * frame.band_samples() * 3;
    limits.check_bytes(width * height * 3 + coefficients + bands)?;

    let model = choose(&headers, &frame)?;
    let mut pixels = vec![0; frame.width * frame.height * 3];
    if at_once {
        scans::decode_one(level, &mut headers, &frame, &scan, model, &mut pixels)?;
    } else {
        scans::decode_several(level, &mut headers, &frame, scan, model, &mut pixels)?;
    }
    finish(
        Format::Jpeg,
        frame.width as u32,
        frame.height as u32,
        pixels,
    )
}

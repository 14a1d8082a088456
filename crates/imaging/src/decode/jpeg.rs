//! JPEG with Huffman or arithmetic coding, baseline, extended and progressive: the same bytes as
//! libjpeg-turbo with its default settings (which are Pillow's), also for damaged files, and an
//! error where Pillow reports one.

mod arithmetic;
mod arithmetic_blocks;
mod arithmetic_states;
mod bits;
mod blocks;
mod color;
mod cursor;
mod frame;
mod headers;
mod huffman;
mod idct;
mod planes;
mod progressive;
mod scan;
mod scans;
mod sequential;
mod smoothing;
mod standard_huffman;
mod tables;
mod vectorized;
mod walk;

use pulp::Arch;

use self::color::Model;
use self::frame::Frame;
use self::headers::Headers;
use self::vectorized::Paint;
use super::{check_held, finish};
use crate::workers::for_each;
use crate::{DecodeError, Format, Limits, RgbImage};

/// Rows of pixels that a thread converts at a time.
const BAND_ROWS: usize = 64;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let choose = |headers: &Headers<'_>, frame: &Frame| Ok(headers.model(frame));
    decode_as(Headers::new(bytes), limits, choose)
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
    decode_as(headers, limits, |_, frame| {
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
    let per_sample = if at_once { 1 } else { 3 };
    let held = width * height * 3 + frame.samples() * per_sample;
    limits.check_bytes(held)?;

    let model = choose(&headers, &frame)?;
    let planes = if at_once {
        scans::decode_one(&mut headers, &frame, &scan)?
    } else {
        scans::decode_several(&mut headers, &frame, scan)?
    };
    let mut pixels = vec![0; frame.width * frame.height * 3];
    let bands = pixels.chunks_mut(BAND_ROWS * frame.width * 3).enumerate();
    for_each(bands, |(band, pixels)| {
        Arch::new().dispatch(Paint {
            frame: &frame,
            planes: &planes,
            model,
            first_row: band * BAND_ROWS,
            pixels,
        });
    });
    finish(
        Format::Jpeg,
        frame.width as u32,
        frame.height as u32,
        pixels,
    )
}

//! One file per format; each turns a whole file in memory into RGB8, checks the limits against the
//! header before it allocates, and refuses a file that ends early.

pub(crate) mod avif;
mod bmp;
pub(crate) mod boxes;
mod gif;
#[cfg(feature = "heic")]
mod heic;
mod icns;
mod ico;
mod jpeg;
mod jpeg2000;
pub(crate) mod jpeg_segments;
mod jxl;
mod lzw;
mod pcx;
mod png;
mod pnm;
mod psd;
mod qoi;
pub(crate) mod riff;
mod samples;
mod sgi;
pub(crate) mod tga;
mod tiff;
pub(crate) mod tiff_directory;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    DecodeError, ExifOrientation, Format, LimitExceeded, Limits, RgbImage, foreign, orientation,
};

/// Decodes a file of any [`Format`] to RGB8 (of an animation the first frame, of a TIFF the first
/// page, of an icon the largest picture), with the pixels that Pillow's `Image.open(..).convert("RGB")` gives: alpha is dropped, palettes are
/// looked up, CMYK is converted without a profile, 16-bit grey saturates at 255.
///
/// The format is recognised by content. A TIFF is always turned upright, as Pillow does; for the
/// other formats `orientation` decides.
///
/// # Errors
/// When the bytes are no image, of an unsupported kind, corrupt, cut short, or over `limits`.
/// Never a picture with a part missing.
pub fn decode(
    bytes: &[u8],
    limits: &Limits,
    orientation: ExifOrientation,
) -> Result<RgbImage, DecodeError> {
    let format = Format::of(bytes).ok_or_else(|| foreign::refusal(bytes))?;
    let image = match format {
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::Png => png::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Gif => gif::decode(bytes, limits),
        Format::Bmp => bmp::decode(bytes, limits),
        Format::Tiff => tiff::decode(bytes, limits),
        Format::Avif => avif::decode(bytes, limits),
        #[cfg(feature = "heic")]
        Format::Heic => heic::decode(bytes, limits),
        Format::Jpeg2000 => jpeg2000::decode(bytes, limits),
        Format::Jxl => jxl::decode(bytes, limits),
        Format::Ico => ico::decode_icon(bytes, limits),
        Format::Cur => ico::decode_cursor(bytes, limits),
        Format::Icns => icns::decode(bytes, limits),
        Format::Pnm => pnm::decode(bytes, limits),
        Format::Tga => tga::decode(bytes, limits),
        Format::Qoi => qoi::decode(bytes, limits),
        Format::Pcx => pcx::decode(bytes, limits),
        Format::Sgi => sgi::decode(bytes, limits),
        Format::Psd => psd::decode(bytes, limits),
    }?;
    Ok(match orientation {
        ExifOrientation::Ignore => image,
        ExifOrientation::Apply => match orientation::orientation_of(format, bytes) {
            Some(orientation) => orientation::upright(image, orientation),
            None => image,
        },
    })
}

/// Bytes that [`decode`] would hold at once, the encoded ones not counted. Reads the header alone.
///
/// # Errors
/// When the header is no image's, or says that the image is over `limits`.
pub fn decode_bytes(bytes: &[u8], limits: &Limits) -> Result<u64, DecodeError> {
    // Every decoder says what it needs before it allocates, and stops there when that is too much.
    let none = Limits {
        max_decode_bytes: 0,
        ..limits.clone()
    };
    match decode(bytes, &none, ExifOrientation::Ignore) {
        Err(DecodeError::TooLarge(LimitExceeded::Bytes { needed, .. })) => {
            limits.check_bytes(needed)?;
            Ok(needed)
        }
        Err(error) => Err(error),
        Ok(image) => Ok(image.pixels().len() as u64),
    }
}

/// Wraps decoded `pixels`; a decoder that made the wrong number of them reports it as corrupt.
fn finish(
    format: Format,
    width: u32,
    height: u32,
    pixels: Vec<u8>,
) -> Result<RgbImage, DecodeError> {
    RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| format.corrupt("the pixels do not fill the image"))
}

/// Checks the header's size: not empty, and with `bytes_per_pixel` bytes for everything that
/// decoding holds, within the limits.
fn check(
    format: Format,
    limits: &Limits,
    width: u64,
    height: u64,
    bytes_per_pixel: u64,
) -> Result<(), DecodeError> {
    let held = width.saturating_mul(height).saturating_mul(bytes_per_pixel);
    check_held(format, limits, width, height, held)
}

/// Checks the header's size, and `held` bytes for everything that decoding holds. There must be just
/// one such check per image: `decode_bytes` takes the first for the whole need.
fn check_held(
    format: Format,
    limits: &Limits,
    width: u64,
    height: u64,
    held: u64,
) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(format.corrupt(format!("its size is {width}x{height}")));
    }
    limits.check_size(width, height)?;
    limits.check_bytes(held)?;
    Ok(())
}

/// Runs another crate's decoder, of which nobody has shown that it never panics: a panic counts as a
/// corrupt image. What `decode` leaves half done on the way must not be used after an error.
fn contained<T>(
    format: Format,
    decode: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(format.corrupt("its decoder stopped at data that it did not expect"))
    })
}

use png::{BitDepth, ColorType, Compression, Encoder};
use thiserror::Error;

use crate::RgbImage;

/// Why an image could not be written as PNG.
#[derive(Debug, Error)]
#[error("cannot encode a {width}x{height} image as PNG")]
pub struct EncodeError {
    width: u32,
    height: u32,
    source: png::EncodingError,
}

/// The image as a lossless 8-bit RGB PNG, compressed for speed rather than for size.
///
/// # Errors
/// When PNG cannot hold the image: one without pixels.
pub fn encode_png(image: &RgbImage) -> Result<Vec<u8>, EncodeError> {
    let failed = |source| EncodeError {
        width: image.width(),
        height: image.height(),
        source,
    };
    // A photograph's PNG takes somewhat more than half of its raw bytes.
    let mut encoded = Vec::with_capacity(image.pixels().len() * 5 / 8 + 1024);
    let mut encoder = Encoder::new(&mut encoded, image.width(), image.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(image.pixels()).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(encoded)
}

use super::layout::Layout;
use super::pixels::Kind;
use crate::decode::jpeg::{self, Colors};
use crate::{DecodeError, Format, Limits};

/// What libjpeg is told of the components: the file's tags say it, not the JPEG data.
pub(super) fn colors(photometric: u64, samples: usize) -> Option<Colors> {
    match (photometric, samples) {
        (0, 1) => Some(Colors::InvertedGrey),
        (1, 1) => Some(Colors::Grey),
        (2, 3) => Some(Colors::Rgb),
        (5, 4) => Some(Colors::Inks),
        (6, 3) => Some(Colors::YCbCr),
        _ => None,
    }
}

/// Decodes a strip or tile to RGB.
pub(super) fn read(
    tables: &[u8],
    data: &[u8],
    layout: &Layout,
    rows: usize,
    limits: &Limits,
) -> Result<Vec<u8>, DecodeError> {
    let Kind::Jpeg(colors) = layout.kind else {
        return Err(Format::Tiff.unsupported("JPEG of these samples"));
    };
    let part = jpeg::decode_part(tables, data, colors, limits)?;
    let (width, height) = (part.width() as usize, part.height() as usize);
    // The last strip may be as high as the others.
    if width != layout.chunk_width || height < rows || (layout.tiled && height > rows) {
        return Err(Format::Tiff.corrupt(format!(
            "a strip or tile of {width}x{height} pixels, not {}x{rows}",
            layout.chunk_width
        )));
    }
    Ok(part.pixels()[..rows * layout.row_bytes()].to_vec())
}

mod compression;
mod fax;
mod jpeg_part;
mod layout;
mod pixels;
mod predictor;
mod ycbcr;

use std::borrow::Cow;

use self::compression::Chunks;
use self::layout::Layout;
use super::tiff_directory::{Directory, Tag};
use super::{check_held, finish};
use crate::{DecodeError, Format, Limits, RgbImage, orientation};

/// The first page, turned upright as Pillow does it for this format.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let directory = Directory::first(bytes)
        .ok_or_else(|| Format::Tiff.truncated("its first directory is missing"))?;
    let (width, height) = (
        directory.number(Tag::ImageWidth),
        directory.number(Tag::ImageLength),
    );
    let (Some(width), Some(height)) = (width, height) else {
        return Err(Format::Tiff.corrupt("it does not state its size"));
    };
    check_held(Format::Tiff, limits, width, height, 0)?;
    let layout = Layout::read(&directory, width as usize, height as usize)?;
    // One chunk at a time is held beside the picture, in each plane once.
    let chunk = layout.chunk_bytes().saturating_mul(layout.planes() as u64);
    limits.check_bytes((width * height * 3).saturating_add(chunk.saturating_mul(2)))?;

    let mut picture = vec![0; (width * height * 3) as usize];
    let chunks = Chunks::new(bytes, &directory, &layout);
    for chunk in layout.chunks() {
        let planes: Vec<Cow<'_, [u8]>> = (0..layout.planes())
            .map(|plane| chunks.read(&layout, &chunk, plane, limits))
            .collect::<Result<_, _>>()?;
        let columns = layout.chunk_width.min(layout.width - chunk.x);
        let rows = layout.chunk_rows.min(layout.height - chunk.y);
        let stride = layout.row_bytes();
        let mut woven = Vec::new();
        for row in 0..rows {
            let stored = match &planes[..] {
                [plane] => &plane[row * stride..][..stride],
                planes => {
                    woven.clear();
                    let rows: Vec<&[u8]> = planes
                        .iter()
                        .map(|plane| &plane[row * stride..][..stride])
                        .collect();
                    weave(&rows, usize::from(layout.bits) / 8, &mut woven);
                    &woven
                }
            };
            let start = ((chunk.y + row) * layout.width + chunk.x) * 3;
            layout
                .kind
                .to_rgb(stored, &mut picture[start..start + columns * 3]);
        }
    }
    let image = finish(Format::Tiff, width as u32, height as u32, picture)?;
    let orientation = directory.number(Tag::Orientation).unwrap_or(1);
    Ok(orientation::upright(
        image,
        u16::try_from(orientation).unwrap_or(1),
    ))
}

/// Interleaves the planes' samples, `size` bytes each.
fn weave(planes: &[&[u8]], size: usize, woven: &mut Vec<u8>) {
    let samples = planes[0].len() / size;
    for sample in 0..samples {
        for plane in planes {
            woven.extend_from_slice(&plane[sample * size..][..size]);
        }
    }
}

//! AVIF: AV1 key frames in HEIF boxes. Colours are converted as libavif with libyuv does it for
//! Pillow, to the bit.

pub(crate) mod container;
mod convert;
mod items;
mod matrix;
mod planes;
mod properties;
mod sequence;

use self::container::Picture;
use self::planes::Planes;
use super::{check_held, contained, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

/// AV1 decoders hold frames in whole blocks of this side.
const BLOCK: u64 = 128;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let picture = container::open(bytes)?;
    check_memory(&picture, limits)?;
    if picture.premultiplied {
        return Err(Format::Avif.unsupported("its colours are multiplied with its alpha"));
    }
    let (mut planes, mut colors) = (None::<Planes>, picture.colors);
    for (index, tile) in picture.tiles.iter().enumerate() {
        let (column, row) = (
            index as u32 % picture.columns,
            index as u32 / picture.columns,
        );
        // The AV1 decoder is large; should a bug of it be hit, it costs this one picture.
        contained(Format::Avif, || {
            let frame = planes::decode_frame(tile, picture.tile_width, picture.tile_height)?;
            if colors.is_none() {
                colors = Some(planes::colors_of(&frame));
            }
            let planes = planes.get_or_insert_with(|| Planes::new(&frame, &picture));
            planes.paste(
                &frame,
                column * picture.tile_width,
                row * picture.tile_height,
            )
        })?;
    }
    let (Some(planes), Some(colors)) = (planes, colors) else {
        return Err(Format::Avif.corrupt("it has no tiles"));
    };
    let pixels = convert::to_rgb(&planes, colors, picture.has_alpha)?;
    finish(Format::Avif, picture.width, picture.height, pixels)
}

/// Held at once: the decoder's frame (twice where it adds film grain), tables of the decoder at about
/// one byte per pixel, and the picture's planes with 16 bits per sample; then the planes and the result.
fn check_memory(picture: &Picture, limits: &Limits) -> Result<(), DecodeError> {
    let coding = picture.coding;
    let (width, height) = (u64::from(picture.width), u64::from(picture.height));
    let quarters = match coding {
        _ if coding.monochrome => 4,
        _ if coding.subsampled_x && coding.subsampled_y => 6,
        _ if coding.subsampled_x => 8,
        _ => 12,
    };
    let sample_bytes = if coding.bits > 8 { 2 } else { 1 };
    let planes = quarters * 2;
    let blocks = |side: u32| u64::from(side).next_multiple_of(BLOCK);
    let tile = blocks(picture.tile_width).saturating_mul(blocks(picture.tile_height));
    let tile_bytes = tile.saturating_mul(quarters * sample_bytes * 2 + 4) / 4;
    let pixels = width.saturating_mul(height);
    let held = (pixels.saturating_mul(planes) / 4)
        .saturating_add(tile_bytes.max(pixels.saturating_mul(3)));
    check_held(Format::Avif, limits, width, height, held)
}

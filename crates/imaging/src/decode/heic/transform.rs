//! The crop, turns and mirrors that a file asks for, in its order.

use heifer_isobmff::HeifFile;
use heifer_isobmff::boxes::Property;

use super::{corrupt, finish};
use crate::orientation::upright;
use crate::{DecodeError, Format, RgbImage};

pub(super) fn apply(mut image: RgbImage, file: &HeifFile<'_>) -> Result<RgbImage, DecodeError> {
    for property in file.item_properties(file.primary_id).map_err(corrupt)? {
        image = match *property {
            Property::CleanAperture {
                width,
                height,
                horiz_offset,
                vert_offset,
            } => {
                let columns = kept(image.width(), width, horiz_offset)?;
                let rows = kept(image.height(), height, vert_offset)?;
                crop(&image, columns, rows)?
            }
            // Anti-clockwise quarters, as the EXIF orientations that mean the same.
            Property::Rotation(quarters) => upright(image, [1, 8, 3, 6][usize::from(quarters % 4)]),
            Property::Mirror(upside_down) => upright(image, if upside_down { 4 } else { 2 }),
            _ => image,
        };
    }
    Ok(image)
}

/// What is left of a side: from where, and how many pixels.
fn kept(side: u32, length: (u32, u32), offset: (i32, u32)) -> Result<(usize, usize), DecodeError> {
    let fraction = |above: f64, below: u32| match below {
        0 => Err(Format::Heic.corrupt("its crop is divided by zero")),
        below => Ok(above / f64::from(below)),
    };
    let side = f64::from(side);
    let length = fraction(length.0.into(), length.1)?.round();
    let center = fraction(offset.0.into(), offset.1)? + (side - 1.0) / 2.0;
    let first = (center - (length - 1.0) / 2.0).round();
    if length < 1.0 || first < 0.0 || first + length > side {
        return Err(Format::Heic.corrupt("its crop leaves the picture"));
    }
    Ok((first as usize, length as usize))
}

fn crop(
    image: &RgbImage,
    (left, width): (usize, usize),
    (top, height): (usize, usize),
) -> Result<RgbImage, DecodeError> {
    let rows = image.pixels().chunks_exact(image.width() as usize * 3);
    let rows = rows.skip(top).take(height);
    let pixels = rows.flat_map(|row| &row[left * 3..][..width * 3]);
    finish(
        Format::Heic,
        width as u32,
        height as u32,
        pixels.copied().collect(),
    )
}

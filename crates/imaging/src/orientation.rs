mod exif;

use crate::{Format, RgbImage};

pub(crate) use self::exif::orientation_of;

/// What to do with the orientation that a camera wrote into a file's EXIF data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ExifOrientation {
    /// Leave the pixels as they are stored, as the Python service does.
    #[default]
    Ignore,
    /// Turn the image upright, as Pillow's `ImageOps.exif_transpose` does.
    Apply,
}

/// The EXIF orientation, 2 to 8, of a file whose pixels are not stored upright, if [`decode`](crate::decode()) leaves that to its
/// caller: a TIFF is always turned. Walks through the file.
#[must_use]
pub fn stored_orientation(bytes: &[u8]) -> Option<u16> {
    let format = Format::of(bytes)?;
    orientation_of(format, bytes).filter(|orientation| (2..=8).contains(orientation))
}

/// Turns an image upright that was stored with EXIF orientation `orientation`, 1 to 8.
/// Any other number leaves it as it is.
pub(crate) fn upright(image: RgbImage, orientation: u16) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    // Where target pixel (x, y) comes from: a start, a step to the right and a step down, counted
    // in pixels of the source.
    let (right, bottom) = (width as isize - 1, (height as isize - 1) * width as isize);
    let row = width as isize;
    let (start, step_x, step_y) = match orientation {
        2 => (right, -1, row),
        3 => (bottom + right, -1, -row),
        4 => (bottom, 1, -row),
        5 => (0, row, 1),
        6 => (bottom, -row, 1),
        7 => (bottom + right, -row, -1),
        8 => (right, row, -1),
        _ => return image,
    };
    let (to_width, to_height) = if orientation < 5 {
        (width, height)
    } else {
        (height, width)
    };
    let (source, _) = image.pixels().as_chunks::<3>();
    let mut pixels = Vec::with_capacity(image.pixels().len());
    for y in 0..to_height as isize {
        for x in 0..to_width as isize {
            pixels.extend_from_slice(&source[(start + x * step_x + y * step_y) as usize]);
        }
    }
    RgbImage::from_raw(to_width as u32, to_height as u32, pixels).unwrap_or(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_moves_the_corners() {
        // a b c      Letters are red samples; the picture is 3 wide and 2 high.
        // d e f
        let image = || {
            let pixels = b"abcdef"
                .iter()
                .flat_map(|&letter| [letter, 0, 0])
                .collect();
            RgbImage::from_raw(3, 2, pixels).unwrap()
        };
        let cases = [
            (0, 3, "abcdef"),
            (1, 3, "abcdef"),
            (2, 3, "cbafed"),
            (3, 3, "fedcba"),
            (4, 3, "defabc"),
            (5, 2, "adbecf"),
            (6, 2, "daebfc"),
            (7, 2, "fcebda"),
            (8, 2, "cfbead"),
            (9, 3, "abcdef"),
        ];
        for (orientation, width, letters) in cases {
            let turned = upright(image(), orientation);
            assert_eq!(turned.width(), width, "{orientation}");
            let red: Vec<u8> = turned.pixels().chunks(3).map(|pixel| pixel[0]).collect();
            assert_eq!(red, letters.as_bytes(), "{orientation}");
        }
    }
}

use thiserror::Error;

use crate::{LimitExceeded, Limits, RgbImage};

/// Why a crop was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CropError {
    /// The box holds no pixel.
    #[error("crop box {0:?} is empty or inverted")]
    Empty([i32; 4]),
    /// The box is larger than an image may be.
    #[error("crop box {bbox:?} is too large: {source}")]
    TooLarge {
        /// The box asked for.
        bbox: [i32; 4],
        /// Which limit it is over.
        source: LimitExceeded,
    },
}

/// The pixels inside `bbox`, `[xmin, ymin, xmax, ymax]` with the right and the lower edge left out.
/// What lies outside the image is black, as in Pillow's `Image.crop`.
///
/// # Errors
/// When the box is empty or inverted, or larger than `limits` allow an image to be.
pub fn crop(image: &RgbImage, bbox: [i32; 4], limits: &Limits) -> Result<RgbImage, CropError> {
    let [xmin, ymin, xmax, ymax] = bbox.map(i64::from);
    if xmin >= xmax || ymin >= ymax {
        return Err(CropError::Empty(bbox));
    }
    let too_large = |source| CropError::TooLarge { bbox, source };
    let (width, height) = (xmax.abs_diff(xmin), ymax.abs_diff(ymin));
    limits.check_size(width, height).map_err(too_large)?;
    limits.check_bytes(width * height * 3).map_err(too_large)?;

    let stride = width as usize * 3;
    let mut pixels = Vec::with_capacity(stride * height as usize);
    let (left, right) = (xmin.max(0), xmax.min(i64::from(image.width())));
    for y in ymin..ymax {
        if left < right && (0..i64::from(image.height())).contains(&y) {
            let end = pixels.len() + stride;
            let start = end - (xmax - left) as usize * 3;
            pixels.resize(start, 0);
            pixels.extend_from_slice(&image.row(y as u32)[left as usize * 3..right as usize * 3]);
            pixels.resize(end, 0);
        } else {
            pixels.resize(pixels.len() + stride, 0);
        }
    }
    RgbImage::from_raw(width as u32, height as u32, pixels).ok_or(CropError::Empty(bbox))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixel (x, y) is `[x + 1, y + 1, 7]`, so that no pixel of the image is black.
    fn ramp(width: u32, height: u32) -> RgbImage {
        let pixels = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x as u8 + 1, y as u8 + 1, 7]))
            .collect();
        RgbImage::from_raw(width, height, pixels).unwrap()
    }

    #[test]
    fn inside_outside_and_across_the_edges() {
        let image = ramp(4, 3);
        for bbox in [
            [0, 0, 4, 3],
            [1, 1, 3, 2],
            [-2, -1, 2, 2],
            [3, 2, 9, 8],
            [-9, -9, 9, 9],
        ] {
            let crop = crop(&image, bbox, &Limits::default()).unwrap();
            let [xmin, ymin, xmax, ymax] = bbox;
            assert_eq!(
                [crop.width() as i32, crop.height() as i32],
                [xmax - xmin, ymax - ymin]
            );
            for y in ymin..ymax {
                for x in xmin..xmax {
                    let inside = (0..4).contains(&x) && (0..3).contains(&y);
                    let expected = if inside {
                        [x as u8 + 1, y as u8 + 1, 7]
                    } else {
                        [0, 0, 0]
                    };
                    let row = crop.row((y - ymin) as u32);
                    assert_eq!(
                        row[(x - xmin) as usize * 3..][..3],
                        expected,
                        "{bbox:?} {x} {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_box_beside_the_image_is_black() {
        let crop = crop(&ramp(4, 3), [10, -20, 12, -17], &Limits::default()).unwrap();
        assert_eq!(crop, RgbImage::from_raw(2, 3, vec![0; 18]).unwrap());
    }

    #[test]
    fn empty_inverted_and_huge_boxes_are_errors() {
        let image = ramp(4, 3);
        for bbox in [[1, 1, 1, 2], [2, 0, 1, 2], [0, 2, 3, 2], [0, 3, 3, 1]] {
            assert_eq!(
                crop(&image, bbox, &Limits::default()),
                Err(CropError::Empty(bbox))
            );
        }
        for bbox in [
            [0, 0, 60_000, 60_000],
            [i32::MIN, i32::MIN, i32::MAX, i32::MAX],
        ] {
            let error = crop(&image, bbox, &Limits::default()).unwrap_err();
            assert!(matches!(error, CropError::TooLarge { .. }), "{error}");
        }
    }
}

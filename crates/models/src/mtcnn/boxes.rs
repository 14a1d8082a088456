//! Box arithmetic of the cascade, in the order and the precision in which upstream does it.
//!
//! Boxes are `[x0, y0, x1, y1]`. Upstream takes a box's width as `x1 - x0` in some places and `x1 - x0 + 1` in others;
//! the names here say which.

use std::ops::Range;

/// A box moved by `offsets`, as parts of its width and height (`x1 - x0`, `y1 - y0`).
pub(super) fn shifted(bbox: [f32; 4], offsets: [f32; 4]) -> [f32; 4] {
    shifted_by(bbox, offsets, bbox[2] - bbox[0], bbox[3] - bbox[1])
}

/// A box moved by `offsets`, as parts of its width and height plus one (`x1 - x0 + 1`, `y1 - y0 + 1`).
pub(super) fn shifted_plus_one(bbox: [f32; 4], offsets: [f32; 4]) -> [f32; 4] {
    shifted_by(
        bbox,
        offsets,
        bbox[2] - bbox[0] + 1.0,
        bbox[3] - bbox[1] + 1.0,
    )
}

fn shifted_by(bbox: [f32; 4], offsets: [f32; 4], width: f32, height: f32) -> [f32; 4] {
    [
        bbox[0] + offsets[0] * width,
        bbox[1] + offsets[1] * height,
        bbox[2] + offsets[2] * width,
        bbox[3] + offsets[3] * height,
    ]
}

/// The square about a box's centre with the longer of its sides.
pub(super) fn squared(bbox: [f32; 4]) -> [f32; 4] {
    let (width, height) = (bbox[2] - bbox[0], bbox[3] - bbox[1]);
    let side = width.max(height);
    let x0 = bbox[0] + width * 0.5 - side * 0.5;
    let y0 = bbox[1] + height * 0.5 - side * 0.5;
    [x0, y0, x0 + side, y0 + side]
}

/// The pixels that stand for a box in an image: columns, then rows, counted from 0. Upstream truncates the box, reads it
/// as positions from 1 that include their end, and cuts it to the image. `None` where nothing is left.
pub(super) fn pixels(
    bbox: [f32; 4],
    width: usize,
    height: usize,
) -> Option<(Range<usize>, Range<usize>)> {
    Some((
        axis(bbox[0], bbox[2], width)?,
        axis(bbox[1], bbox[3], height)?,
    ))
}

fn axis(first: f32, last: f32, length: usize) -> Option<Range<usize>> {
    // `as` truncates, saturates, and makes 0 of NaN.
    let start = (first as i64).max(1) - 1;
    let end = (last as i64).min(i64::try_from(length).unwrap_or(i64::MAX));
    (start < end).then_some(start as usize..end as usize)
}

/// Where five landmarks of the output network lie in the image, for a box before its last shift: all x, then all y, as
/// parts of its width and height plus one.
pub(super) fn landmarks_plus_one(bbox: [f32; 4], parts: [f32; 10]) -> [[f32; 2]; 5] {
    let width = bbox[2] - bbox[0] + 1.0;
    let height = bbox[3] - bbox[1] + 1.0;
    std::array::from_fn(|i| {
        [
            width * parts[i] + bbox[0] - 1.0,
            height * parts[i + 5] + bbox[1] - 1.0,
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::{landmarks_plus_one, pixels, shifted};
    use crate::mtcnn::goldens::Goldens;

    #[test]
    fn arithmetic_is_upstreams() {
        let goldens = Goldens::open("mtcnn_boxes");
        let boxes = goldens.rows::<4>("boxes.input");
        let offsets = goldens.rows::<4>("boxes.offsets");
        assert_eq!(boxes.len(), 40);
        let squared: Vec<_> = boxes.iter().map(|b| super::squared(*b)).collect();
        assert_eq!(squared, goldens.rows::<4>("rerec.output"));
        let shifted: Vec<_> = boxes
            .iter()
            .zip(&offsets)
            .map(|(b, o)| super::shifted_plus_one(*b, *o))
            .collect();
        assert_eq!(shifted, goldens.rows::<4>("bbreg.output"));
        for (bbox, [x, y, ex, ey]) in boxes.iter().zip(goldens.integer_rows::<4>("pad.output")) {
            // Upstream cuts x - 1..ex by y - 1..ey, and only where neither is empty.
            let expected = (ex > x - 1 && ey > y - 1)
                .then(|| ((x - 1) as usize..ex as usize, (y - 1) as usize..ey as usize));
            assert_eq!(pixels(*bbox, 90, 70), expected, "{bbox:?}");
        }
    }

    #[test]
    fn numbers_without_pixels_have_none() {
        let nan = f32::NAN;
        assert_eq!(pixels([nan, nan, nan, nan], 10, 10), None);
        assert_eq!(
            pixels([f32::INFINITY, 0.0, f32::INFINITY, 9.0], 10, 10),
            None
        );
        assert_eq!(pixels([-9.0, -9.0, -1.0, 5.0], 10, 10), None);
        let all = [
            f32::NEG_INFINITY,
            f32::NEG_INFINITY,
            f32::INFINITY,
            f32::INFINITY,
        ];
        assert_eq!(pixels(all, 10, 20), Some((0..10, 0..20)));
        assert_eq!(pixels(all, 0, 20), None);
    }

    #[test]
    fn only_the_first_shift_goes_without_plus_one() {
        assert_eq!(
            shifted([0.0, 0.0, 10.0, 20.0], [0.1, 0.1, 0.1, 0.1]),
            [1.0, 2.0, 11.0, 22.0]
        );
        let points = landmarks_plus_one([1.0, 1.0, 10.0, 20.0], [0.5; 10]);
        assert_eq!(points[4], [5.0, 10.0]);
    }
}

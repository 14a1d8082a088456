//! Box arithmetic as torchvision does it, in its order and in `f32`. Boxes are `[x0, y0, x1, y1]` in pixels, half-open: a
//! width is `x1 - x0`.

/// How offsets turn one box into another: upstream's `BoxCoder`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoxCoder {
    /// By which the offsets of centre and size are divided: x, y, width, height.
    pub(crate) weights: [f32; 4],
}

/// Most that a side may grow, as a logarithm: `ln(1000 / 16)`.
const MOST_GROWTH: f32 = 4.135_166_5;

impl BoxCoder {
    /// `bbox` with its centre moved by parts of its sides, and its sides scaled by powers of e.
    pub(crate) fn decode(self, offsets: [f32; 4], bbox: [f32; 4]) -> [f32; 4] {
        let [x, y, width, height] = std::array::from_fn(|i| offsets[i] / self.weights[i]);
        let (x0, x1) = axis(bbox[0], bbox[2], x, width);
        let (y0, y1) = axis(bbox[1], bbox[3], y, height);
        [x0, y0, x1, y1]
    }
}

fn axis(first: f32, last: f32, shift: f32, growth: f32) -> (f32, f32) {
    let side = last - first;
    let centre = shift * side + (first + 0.5 * side);
    // Not `f32::min`, which would turn NaN into the limit.
    let growth = if growth > MOST_GROWTH {
        MOST_GROWTH
    } else {
        growth
    };
    let half = 0.5 * (growth.exp() * side);
    (centre - half, centre + half)
}

/// The part of a box inside an image of `size` (height, width).
pub(crate) fn clipped([x0, y0, x1, y1]: [f32; 4], size: (usize, usize)) -> [f32; 4] {
    let (height, width) = (size.0 as f32, size.1 as f32);
    [
        x0.clamp(0.0, width),
        y0.clamp(0.0, height),
        x1.clamp(0.0, width),
        y1.clamp(0.0, height),
    ]
}

/// Whether both sides are at least `least`. Not so for a box with a side that is no number.
pub(crate) fn has_sides([x0, y0, x1, y1]: [f32; 4], least: f32) -> bool {
    x1 - x0 >= least && y1 - y0 >= least
}

/// A box of an image of size `from` (height, width) in the same image at size `to`.
pub(crate) fn rescaled(bbox: [f32; 4], from: (usize, usize), to: (usize, usize)) -> [f32; 4] {
    let y = to.0 as f32 / from.0 as f32;
    let x = to.1 as f32 / from.1 as f32;
    [bbox[0] * x, bbox[1] * y, bbox[2] * x, bbox[3] * y]
}

#[cfg(test)]
mod tests {
    use super::{BoxCoder, MOST_GROWTH, clipped, has_sides};

    #[test]
    fn a_side_grows_62_and_a_half_times_at_most() {
        assert_eq!(MOST_GROWTH, (1000.0_f64 / 16.0).ln() as f32);
        let coder = BoxCoder { weights: [1.0; 4] };
        let [x0, _, x1, _] = coder.decode([0.0, 0.0, 50.0, 0.0], [0.0, 0.0, 2.0, 2.0]);
        assert!((x1 - x0 - 125.0).abs() < 1e-3);
    }

    #[test]
    fn numbers_that_are_none_stay_so_and_have_no_sides() {
        let nan = clipped([f32::NAN, 1.0, 5.0, 90.0], (10, 20));
        assert!(nan[0].is_nan() && nan[3] == 10.0);
        assert!(!has_sides(nan, 1e-3));
        let coder = BoxCoder { weights: [1.0; 4] };
        assert!(coder.decode([0.0, 0.0, f32::NAN, 0.0], [0.0, 0.0, 2.0, 2.0])[0].is_nan());
    }
}

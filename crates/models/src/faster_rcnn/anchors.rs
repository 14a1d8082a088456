//! The boxes from which the proposal network starts: upstream's `AnchorGenerator`.

/// Height over width of the anchors at each place.
const ASPECT_RATIOS: [f32; PER_PLACE] = [0.5, 1.0, 2.0];

/// Anchors at each place.
pub(super) const PER_PLACE: usize = 3;

/// The anchors of one level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchors {
    width: usize,
    stride: (usize, usize),
    cell: [[f32; 4]; PER_PLACE],
}

impl Anchors {
    /// Of the side `side`, for a level of `level` (height, width) of a padded image of `image` (height, width).
    pub(super) fn new(side: f32, level: (usize, usize), image: (usize, usize)) -> Self {
        Self {
            width: level.1,
            // Rounded down where a level was rounded up: the last level of 800 rows has 13, 61 pixels apart.
            stride: (image.0 / level.0, image.1 / level.1),
            cell: ASPECT_RATIOS.map(|ratio| {
                let height_ratio = ratio.sqrt();
                let width = 1.0 / height_ratio * side;
                let height = height_ratio * side;
                [-width, -height, width, height].map(|n| (n / 2.0).round_ties_even())
            }),
        }
    }

    /// The anchor at `index`: row by row, place by place, aspect ratio by aspect ratio.
    pub(super) fn at(&self, index: usize) -> [f32; 4] {
        let (place, kind) = (index / PER_PLACE, index % PER_PLACE);
        let x = (place % self.width * self.stride.1) as f32;
        let y = (place / self.width * self.stride.0) as f32;
        let [x0, y0, x1, y1] = self.cell[kind];
        [x + x0, y + y0, x + x1, y + y1]
    }
}

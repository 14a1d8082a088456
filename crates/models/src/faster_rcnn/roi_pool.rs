//! What the pyramid shows of each proposal, at the level that suits the proposal's size, as a map of one size for all.
//! Upstream: `MultiScaleRoIAlign` of `torchvision/ops/poolers.py`, with 7×7 places and 2×2 samples for each.

use kernels::{Isa, Roi};

use crate::layers::roi_align;
use crate::tensor::Tensor;

/// Width and height of the map of a proposal.
pub(super) const SIDE: usize = 7;
/// Samples for each place, across and down.
const SAMPLES: usize = 2;
/// The levels looked at: all but the last, from a quarter of the image's sides to a 32nd.
pub(super) const POOLED: usize = 4;
const LARGEST: i32 = 2;
const SMALLEST: i32 = 5;
/// A box of this side, in pixels, belongs to the level of a 16th.
const CANONICAL_SIDE: f32 = 224.0;
const CANONICAL_LEVEL: f32 = 4.0;
const EPS: f32 = 1e-6;

/// `levels` (`[1, height, width, channels]` each) under each box to `[boxes, 7, 7, channels]`.
pub(super) fn pool(levels: &[Tensor], boxes: &[[f32; 4]], isa: Isa) -> Tensor {
    let scales = (LARGEST..).map(|level| (-level as f32).exp2());
    let maps: Vec<_> = levels.iter().take(POOLED).zip(scales).collect();
    let rois: Vec<Roi> = boxes
        .iter()
        .map(|&bbox| Roi {
            map: (level_of(bbox) - LARGEST) as usize,
            bbox,
        })
        .collect();
    roi_align(isa, &maps, &rois, SIDE, SAMPLES)
}

/// The level of a box, 2 to 5: that of `2^-level` of the image's sides.
pub(super) fn level_of([x0, y0, x1, y1]: [f32; 4]) -> i32 {
    let side = ((x1 - x0) * (y1 - y0)).sqrt();
    let level = (CANONICAL_LEVEL + (side / CANONICAL_SIDE).log2() + EPS).floor();
    // `as` saturates, and makes 0 of NaN.
    (level as i32).clamp(LARGEST, SMALLEST)
}

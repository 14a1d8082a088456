//! What the pyramid shows of each proposal, at the level that suits the proposal's size, as a map of one size for all.
//! Upstream: `MultiScaleRoIAlign` of `torchvision/ops/poolers.py`, with 7×7 places and 2×2 samples for each.

use candle_core::{Device, Storage, Tensor, bail};
use kernels::{FeatureMap, Isa, Roi, RoiAlign, roi_align};

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

/// `levels` (`[1, height, width, channels]` each) under each box to `[boxes, 7, 7, channels]`. The work is done on the
/// processor, wherever the levels lie.
pub(super) fn pool(levels: &[Tensor], boxes: &[[f32; 4]], isa: Isa) -> candle_core::Result<Tensor> {
    let Some(device) = levels.first().map(Tensor::device) else {
        bail!("no level to look at")
    };
    let levels = levels
        .iter()
        .take(POOLED)
        .map(|level| level.to_device(&Device::Cpu)?.contiguous())
        .collect::<candle_core::Result<Vec<_>>>()?;
    let storages: Vec<_> = levels.iter().map(Tensor::storage_and_layout).collect();
    let mut maps = Vec::with_capacity(POOLED);
    let mut channels = 0;
    for (number, (storage, layout)) in (LARGEST..).zip(&storages) {
        let (_, height, width, depth) = layout.shape().dims4()?;
        let (Storage::Cpu(storage), Some((start, end))) = (&**storage, layout.contiguous_offsets())
        else {
            bail!(
                "a level of {:?} that is not on the processor",
                layout.shape()
            )
        };
        channels = depth;
        maps.push(FeatureMap {
            values: &storage.as_slice::<f32>()?[start..end],
            height,
            width,
            scale: (-number as f32).exp2(),
        });
    }
    let rois: Vec<Roi> = boxes
        .iter()
        .map(|&bbox| Roi {
            map: (level_of(bbox) - LARGEST) as usize,
            bbox,
        })
        .collect();
    let shape = RoiAlign {
        channels,
        side: SIDE,
        samples: SAMPLES,
    };
    let pooled = roi_align(isa, shape, &maps, &rois);
    Tensor::from_vec(pooled, (boxes.len(), SIDE, SIDE, channels), device)
}

/// The level of a box, 2 to 5: that of `2^-level` of the image's sides.
pub(super) fn level_of([x0, y0, x1, y1]: [f32; 4]) -> i32 {
    let side = ((x1 - x0) * (y1 - y0)).sqrt();
    let level = (CANONICAL_LEVEL + (side / CANONICAL_SIDE).log2() + EPS).floor();
    // `as` saturates, and makes 0 of NaN.
    (level as i32).clamp(LARGEST, SMALLEST)
}

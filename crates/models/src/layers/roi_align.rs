use kernels::{FeatureMap, Isa, Roi, RoiAlign};

use crate::tensor::Tensor;

/// What `maps`, each `[1, height, width, channels]` at a scale of the image, show of each of `rois`:
/// `[rois, side, side, channels]`, with `samples` samples across and down for each place.
pub(crate) fn roi_align(
    isa: Isa,
    maps: &[(&Tensor, f32)],
    rois: &[Roi],
    side: usize,
    samples: usize,
) -> Tensor {
    let mut channels = 0;
    let maps: Vec<_> = maps
        .iter()
        .map(|&(map, scale)| {
            let [_, height, width, depth] = map.dims();
            channels = depth;
            FeatureMap {
                values: map.values(),
                height,
                width,
                scale,
            }
        })
        .collect();
    let shape = RoiAlign {
        channels,
        side,
        samples,
    };
    let pooled = kernels::roi_align(isa, shape, &maps, rois);
    Tensor::new(pooled, &[rois.len(), side, side, channels])
}

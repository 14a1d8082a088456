//! The sizes that tell a network from a smaller one of the same build.

/// Sizes of a Faster R-CNN with a ResNet of bottlenecks and a feature pyramid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// Channels of the stem. The bottlenecks of stage `i` are `width << i` wide, and give four times as many channels.
    pub(super) width: usize,
    /// Bottlenecks of each stage.
    pub(super) blocks: [usize; 4],
    /// Channels of every level of the pyramid.
    pub(super) pyramid: usize,
    /// Sides of the anchors of each level, in pixels.
    pub(super) anchors: [f32; LEVELS],
    /// Width of the box head's layers.
    pub(super) representation: usize,
    /// Kinds of things, the background first.
    pub(super) classes: usize,
    /// To which the shorter side of an image is brought, in pixels, unless the longer would pass `max_size`.
    pub(super) min_size: u32,
    /// Most of the longer side, in pixels.
    pub(super) max_size: u32,
    /// Anchors of a level that are looked at, the best ones.
    pub(super) pre_nms_top_n: usize,
    /// Most proposals.
    pub(super) post_nms_top_n: usize,
    /// Most detections, of all classes.
    pub(super) detections: usize,
}

/// Levels of the pyramid: one for each stage, and the last one halved.
pub(super) const LEVELS: usize = 5;

/// torchvision's `fasterrcnn_resnet50_fpn`.
pub(super) const RESNET50_FPN: Config = Config {
    width: 64,
    blocks: [3, 4, 6, 3],
    pyramid: 256,
    anchors: [32.0, 64.0, 128.0, 256.0, 512.0],
    representation: 1024,
    classes: 91,
    min_size: 800,
    max_size: 1333,
    pre_nms_top_n: 1000,
    post_nms_top_n: 1000,
    detections: 100,
};

impl Config {
    /// Channels that come out of stage `stage`.
    pub(super) fn channels(&self, stage: usize) -> usize {
        4 * (self.width << stage)
    }
}

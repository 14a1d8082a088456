//! The tiny networks of the goldens, on formula weights.

use imaging::RgbImage;
use weights::Checkpoint;

use crate::faster_rcnn::FasterRcnn;
use crate::faster_rcnn::anchors::PER_PLACE;
use crate::faster_rcnn::config::Config;
use crate::goldens::formula::{Tensors, checkpoint, uniform};
use crate::goldens::nhwc;
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// A tiny network, and the (height, width) of what it is shown.
pub(super) struct Size {
    pub(super) name: &'static str,
    pub(super) config: Config,
    /// About what the batch norms' is. A small one shows their eps.
    variance: f64,
    /// Of the input of the stages.
    pub(super) padded: (usize, usize),
    pub(super) size: (usize, usize),
    /// Of whole images.
    pub(super) pictures: [(u32, u32); 4],
}

pub(super) const EVEN: Size = Size {
    name: "even",
    config: Config {
        width: 8,
        blocks: [1, 1, 1, 1],
        pyramid: 16,
        anchors: [16.0, 24.0, 32.0, 48.0, 64.0],
        representation: 32,
        classes: 7,
        min_size: 64,
        max_size: 96,
        pre_nms_top_n: 60,
        post_nms_top_n: 40,
        detections: 30,
    },
    variance: 1.0,
    padded: (64, 96),
    size: (64, 96),
    pictures: [(64, 80), (50, 75), (1, 1), (200, 130)],
};

pub(super) const ODD: Size = Size {
    name: "odd",
    config: Config {
        width: 6,
        blocks: [2, 1, 2, 1],
        pyramid: 20,
        anchors: [10.0, 21.0, 33.0, 47.0, 90.0],
        representation: 24,
        classes: 5,
        min_size: 57,
        max_size: 131,
        ..EVEN.config
    },
    variance: 1e-4,
    padded: (64, 160),
    size: (57, 131),
    pictures: [(57, 57), (31, 90), (90, 31), (3, 200)],
};

impl Size {
    pub(super) fn case(&self) -> String {
        format!("faster_rcnn.{}", self.name)
    }

    /// Upstream's names and shapes.
    pub(super) fn tensors(&self) -> Tensors {
        let config = &self.config;
        let mut tensors = Tensors::new();
        let mut add = |name: String, shape: &[usize]| tensors.push((name, shape.to_vec()));
        let mut conv = |conv: &str, norm: &str, shape: [usize; 4]| {
            add(format!("backbone.body.{conv}.weight"), &shape);
            for part in ["weight", "bias", "running_mean", "running_var"] {
                add(format!("backbone.body.{norm}.{part}"), &shape[..1]);
            }
        };
        conv("conv1", "bn1", [config.width, 3, 7, 7]);
        let mut inputs = config.width;
        for (stage, blocks) in config.blocks.into_iter().enumerate() {
            let (width, outputs) = (config.width << stage, config.channels(stage));
            for block in 0..blocks {
                let at = |name: &str| format!("layer{}.{block}.{name}", stage + 1);
                conv(&at("conv1"), &at("bn1"), [width, inputs, 1, 1]);
                conv(&at("conv2"), &at("bn2"), [width, width, 3, 3]);
                conv(&at("conv3"), &at("bn3"), [outputs, width, 1, 1]);
                if block == 0 {
                    let shape = [outputs, inputs, 1, 1];
                    conv(&at("downsample.0"), &at("downsample.1"), shape);
                }
                inputs = outputs;
            }
        }
        let mut layer = |name: String, shape: &[usize]| {
            add(format!("{name}.weight"), shape);
            add(format!("{name}.bias"), &shape[..1]);
        };
        let channels = config.pyramid;
        for stage in 0..config.blocks.len() {
            let (inner, outer) = ("backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks");
            layer(
                format!("{inner}.{stage}.0"),
                &[channels, config.channels(stage), 1, 1],
            );
            layer(format!("{outer}.{stage}.0"), &[channels, channels, 3, 3]);
        }
        let mut named = |name: &str, shape: &[usize]| layer(name.to_owned(), shape);
        named("rpn.head.conv.0.0", &[channels, channels, 3, 3]);
        named("rpn.head.cls_logits", &[PER_PLACE, channels, 1, 1]);
        named("rpn.head.bbox_pred", &[4 * PER_PLACE, channels, 1, 1]);
        let (width, classes) = (config.representation, config.classes);
        named("roi_heads.box_head.fc6", &[width, channels * 49]);
        named("roi_heads.box_head.fc7", &[width, width]);
        named("roi_heads.box_predictor.cls_score", &[classes, width]);
        named("roi_heads.box_predictor.bbox_pred", &[4 * classes, width]);
        tensors
    }

    /// `parity/formula.py`'s weight of a detector.
    pub(super) fn weight(&self, name: &str, shape: &[usize]) -> Vec<f32> {
        let (_, last) = name.rsplit_once('.').unwrap_or(("", name));
        let fan_in: usize = shape[1..].iter().product();
        let gain = match name {
            name if name.contains("bbox_pred") => 0.1,
            name if name.contains("cls_") => 2.5,
            _ => 2.0,
        };
        let weight = |u: f64| match (last, shape.len()) {
            ("running_var", _) => self.variance * (1.0 + 0.5 * u),
            ("weight", 1) => self.variance.sqrt() * (1.0 + 0.5 * u),
            (_, 1) => 0.25 * u,
            _ => u * (gain / (fan_in as f64).sqrt()),
        };
        let values = uniform(&format!("{}.{name}", self.case()), shape.iter().product());
        values.into_iter().map(|u| weight(u) as f32).collect()
    }

    pub(super) fn file(&self) -> Checkpoint {
        self.file_of(&self.tensors())
    }

    /// With tensors of other names or shapes.
    pub(super) fn file_of(&self, tensors: &Tensors) -> Checkpoint {
        checkpoint("faster_rcnn", tensors, |name, shape| {
            self.weight(name, shape)
        })
    }

    pub(super) fn network(&self, placement: &Placement) -> Result<FasterRcnn, LoadError> {
        FasterRcnn::load_sized(&self.file(), self.config, placement)
    }

    /// The formula's pixels of the stages, NCHW upstream, as NHWC.
    pub(super) fn input(&self) -> Tensor {
        let (height, width) = self.padded;
        let values = uniform(&format!("{}.input", self.case()), 3 * height * width);
        let values: Vec<f32> = values.into_iter().map(|u| (2.0 * u) as f32).collect();
        nhwc(&values, [1, 3, height, width])
    }
}

/// The formula's picture called `name`.
pub(super) fn picture(name: &str, height: u32, width: u32) -> RgbImage {
    let count = height as usize * width as usize * 3;
    let pixels = uniform(name, count);
    let pixels = pixels.iter().map(|u| (128.0 + 128.0 * u) as u8).collect();
    RgbImage::from_raw(width, height, pixels).unwrap()
}

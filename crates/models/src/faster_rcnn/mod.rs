//! Faster R-CNN with a ResNet-50 and a feature pyramid: persons in an image.
//!
//! Papers: Ren et al., "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks", 2015; Lin et al.,
//! "Feature Pyramid Networks for Object Detection", 2017.
//! Upstream: torchvision 0.29, `fasterrcnn_resnet50_fpn` in `torchvision/models/detection/faster_rcnn.py`, with its
//! `FasterRCNN_ResNet50_FPN_Weights.COCO_V1`, for one image at a time. Weights: `fasterrcnn_resnet50_fpn_coco-258fb6c6.pth`.
//! Deviations: only persons are answered, and only what can change them is computed. Upstream takes the scales of the
//! pyramid's levels from the first image that a process sees, and keeps them; here they are always what a usual image
//! gives, 1/4 to 1/32. Equal scores keep their order, of which upstream promises nothing.

mod anchors;
mod box_head;
mod config;
mod detections;
mod fpn;
mod proposals;
mod resnet;
mod roi_pool;
mod rpn;
#[cfg(test)]
mod tests;
mod transform;

use imaging::RgbImage;
use kernels::Isa;
use weights::Checkpoint;

use crate::detection::boxes::rescaled;
use crate::interrupt::{Interrupt, Interrupted};
use crate::tensor::Tensor;
use crate::{DetectError, LoadError, Placement};
use box_head::BoxHead;
use config::{Config, RESNET50_FPN};
use detections::{Candidates, Guess, guesses};
use fpn::FeaturePyramid;
use proposals::{Answers, proposals};
use resnet::ResNet;
use rpn::RpnHead;
use transform::{input, scaled_size};

/// The name of its weights in `weights::catalog`.
pub const CATALOGUE_NAME: &str = "fasterrcnn-resnet50-fpn";

/// A person in an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// `[x0, y0, x1, y1]` in pixels, within the image but for rounding.
    pub bbox: [f32; 4],
    /// Probability that this is a person, above 0.05.
    pub score: f32,
}

/// The person detector.
#[derive(Debug)]
pub struct FasterRcnn {
    body: ResNet,
    fpn: FeaturePyramid,
    rpn: RpnHead,
    roi_heads: BoxHead,
    config: Config,
    isa: Isa,
}

impl FasterRcnn {
    /// Reads it from its weights file.
    ///
    /// # Errors
    /// When the file has other tensors than the model needs.
    pub fn load(checkpoint: &Checkpoint, placement: &Placement) -> Result<Self, LoadError> {
        Self::load_sized(checkpoint, RESNET50_FPN, placement)
    }

    fn load_sized(
        checkpoint: &Checkpoint,
        config: Config,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let root = checkpoint.root();
        let network = Self {
            body: ResNet::load(&root.pp("backbone.body"), &config, placement)?,
            fpn: FeaturePyramid::load(&root.pp("backbone.fpn"), &config, placement)?,
            rpn: RpnHead::load(&root.pp("rpn.head"), &config, placement)?,
            roi_heads: BoxHead::load(&root.pp("roi_heads"), &config, placement)?,
            config,
            isa: placement.isa,
        };
        checkpoint.finish()?;
        Ok(network)
    }

    /// The persons in `image`, best first: those that upstream lists under label 1. Work is spread over the current rayon
    /// pool.
    ///
    /// # Errors
    /// When the image is so elongated that nothing of its short side is left at the size that the network takes
    /// (upstream raises there too), or `interrupt` says so.
    pub fn detect(
        &self,
        image: &RgbImage,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Person>, DetectError> {
        let original = (image.height(), image.width());
        let Some(size) = scaled_size(original, &self.config) else {
            let (height, width) = original;
            return Err(DetectError::TooElongated { width, height });
        };
        interrupt.check()?;
        let input = input(image, size);
        let (height, width) = input.padded;
        let pixels = Tensor::new(input.pixels, &[1, height, width, 3]);
        let levels = self.levels(&pixels, interrupt)?;
        let answers = self.answers(&levels, interrupt)?;
        let proposals = proposals(&answers, size, input.padded, &self.config);
        let candidates = self.candidates(&levels, &proposals, size, interrupt)?;
        let original = (original.0 as usize, original.1 as usize);
        let persons = candidates.persons(self.config.detections).into_iter();
        Ok(persons
            .map(|index| Person {
                bbox: rescaled(candidates.boxes[index], size, original),
                score: candidates.scores[index],
            })
            .collect())
    }

    /// What the trunk, the pyramid and the proposal network make of `[1, height, width, 3]` pixels, normalised and padded
    /// to multiples of 32: the pyramid's levels, then the proposal network's answers. The part of the work whose cost is
    /// known beforehand, for benchmarks.
    ///
    /// # Errors
    /// When `interrupt` says so.
    ///
    /// # Panics
    /// When `pixels` are of another shape.
    pub fn features(
        &self,
        pixels: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Tensor>, DetectError> {
        let mut levels = self.levels(pixels, interrupt)?;
        let answers = levels.iter().map(|level| self.rpn.forward(level));
        let answers: Vec<_> = answers.collect();
        levels.extend(answers);
        Ok(levels)
    }

    fn levels(
        &self,
        pixels: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Tensor>, Interrupted> {
        let stages = self.body.forward(pixels, interrupt)?;
        self.fpn.forward(stages, interrupt)
    }

    fn answers(
        &self,
        levels: &[Tensor],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Answers>, Interrupted> {
        let answers = levels.iter().map(|level| {
            interrupt.check()?;
            let [_, height, width, _] = level.dims();
            Ok(Answers {
                values: self.rpn.forward(level).into_vec(),
                size: (height, width),
            })
        });
        answers.collect()
    }

    /// The second stage: everything but background that the box head sees in `proposals`, with its boxes.
    fn candidates(
        &self,
        levels: &[Tensor],
        proposals: &[[f32; 4]],
        size: (usize, usize),
        interrupt: Interrupt<'_>,
    ) -> Result<Candidates, Interrupted> {
        if proposals.is_empty() {
            return Ok(Candidates::default());
        }
        interrupt.check()?;
        let pooled = roi_pool::pool(levels, proposals, self.isa);
        let representation = self.roi_heads.representation(pooled, interrupt)?;
        interrupt.check()?;
        let logits = self.roi_heads.logits(&representation);
        let guesses = guesses(logits.values(), self.config.classes);
        // Boxes are wanted only of the proposals that show something.
        let mut rows: Vec<u32> = guesses.iter().map(|guess| guess.proposal as u32).collect();
        rows.dedup();
        if rows.is_empty() {
            return Ok(Candidates::default());
        }
        interrupt.check()?;
        let offsets = self.roi_heads.offsets(&representation.gather_rows(&rows));
        let offsets_of = |guess: &Guess| {
            let row = rows.partition_point(|&row| (row as usize) < guess.proposal);
            let class = row * self.config.classes + guess.class as usize;
            offsets.values().as_chunks::<4>().0[class]
        };
        Ok(Candidates::new(&guesses, proposals, offsets_of, size))
    }
}

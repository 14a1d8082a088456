//! The second stage: what each proposal holds, and how its box is to be moved to hold it better. Upstream: `TwoMLPHead`
//! and `FastRCNNPredictor` of `torchvision/models/detection/faster_rcnn.py`.

use kernels::Activation;
use weights::{CheckpointError, Scope};

use super::config::Config;
use super::roi_pool::SIDE;
use crate::interrupt::{Interrupt, Interrupted};
use crate::layers::{Linear, LinearBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

#[derive(Debug)]
pub(super) struct BoxHead {
    fc6: Linear,
    fc7: Linear,
    cls_score: Linear,
    bbox_pred: Linear,
}

impl BoxHead {
    /// `scope` is upstream's `roi_heads`.
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &Config,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let (head, predictor) = (scope.pp("box_head"), scope.pp("box_predictor"));
        let (width, classes) = (config.representation, config.classes);
        let fc6 = over_map(&head.pp("fc6"), config.pyramid, SIDE, width)?;
        let fc7 = LinearBuilder::load(&head.pp("fc7"), width, width)?;
        let cls_score = LinearBuilder::load(&predictor.pp("cls_score"), width, classes)?;
        let bbox_pred = LinearBuilder::load(&predictor.pp("bbox_pred"), width, 4 * classes)?;
        Ok(Self {
            fc6: fc6.activation(Activation::Relu).on(placement),
            fc7: fc7.activation(Activation::Relu).on(placement),
            cls_score: cls_score.on(placement),
            bbox_pred: bbox_pred.on(placement),
        })
    }

    /// `[proposals, 7, 7, channels]` to `[proposals, representation]`.
    pub(super) fn representation(
        &self,
        pooled: Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Tensor, Interrupted> {
        interrupt.check()?;
        let [proposals, height, width, channels] = pooled.dims();
        let pooled = pooled.reshape(&[proposals, height * width * channels]);
        let x = self.fc6.forward(&pooled);
        drop(pooled);
        interrupt.check()?;
        Ok(self.fc7.forward(&x))
    }

    /// A logit for each class, the background first.
    pub(super) fn logits(&self, representation: &Tensor) -> Tensor {
        self.cls_score.forward(representation)
    }

    /// Four offsets for each class.
    pub(super) fn offsets(&self, representation: &Tensor) -> Tensor {
        self.bbox_pred.forward(representation)
    }
}

/// A linear layer that upstream applies to a `side`×`side` map, flattened as `[channels, height, width]`, for maps that
/// lie as `[height, width, channels]`.
fn over_map(
    scope: &Scope<'_>,
    channels: usize,
    side: usize,
    outputs: usize,
) -> Result<LinearBuilder<'static>, CheckpointError> {
    let (places, inputs) = (side * side, channels * side * side);
    let stored = scope.f32_cow("weight", &[outputs, inputs])?;
    let mut weight = Vec::with_capacity(stored.len());
    for row in stored.chunks_exact(inputs) {
        for place in 0..places {
            weight.extend(row[place..].iter().step_by(places));
        }
    }
    let bias = scope.f32("bias", &[outputs])?;
    Ok(LinearBuilder::new(inputs, outputs, weight, Some(bias)))
}

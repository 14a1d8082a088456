//! The proposal network's head: how likely each anchor holds a thing, and how the anchor is to be moved to hold it better.
//! Upstream: `RPNHead` of `torchvision/models/detection/rpn.py`.

use weights::Scope;

use super::anchors::PER_PLACE;
use super::config::Config;
use super::fpn::conv_scope;
use crate::layers::{Conv2d, Conv2dBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// Numbers for each place: a logit for each anchor, then four offsets for each.
pub(super) const ANSWERS: usize = 5 * PER_PLACE;

#[derive(Debug)]
pub(super) struct RpnHead {
    conv: Conv2d,
    answers: Conv2d, // cls_logits and bbox_pred
}

impl RpnHead {
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &Config,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let channels = config.pyramid;
        let conv = conv_scope(&scope.pp("conv"), "0.0");
        let conv = Conv2dBuilder::load(&conv, channels, channels, 3)?;
        let answers = |name, count| Conv2dBuilder::load(&scope.pp(name), channels, count, 1);
        let logits = answers("cls_logits", PER_PLACE)?;
        let offsets = answers("bbox_pred", 4 * PER_PLACE)?;
        Ok(Self {
            conv: conv.padding(1).relu().on(placement),
            answers: logits.beside(offsets).on(placement),
        })
    }

    /// `[batch, height, width, channels]` to `[batch, height, width, 15]`.
    pub(super) fn forward(&self, level: &Tensor) -> Tensor {
        self.answers.forward(&self.conv.forward(level))
    }
}

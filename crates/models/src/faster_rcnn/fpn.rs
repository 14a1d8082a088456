//! The feature pyramid: what the trunk's deep stages know, at the sizes of its early ones. Upstream:
//! `FeaturePyramidNetwork` of `torchvision/ops/feature_pyramid_network.py` with `LastLevelMaxPool`.

use kernels::Isa;
use weights::Scope;

use super::config::{Config, LEVELS};
use crate::interrupt::{Interrupt, Interrupted};
use crate::layers::{Conv2d, Conv2dBuilder, max_pool};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

#[derive(Debug)]
pub(super) struct FeaturePyramid {
    inner_blocks: Vec<Conv2d>,
    layer_blocks: Vec<Conv2d>,
    isa: Isa,
}

impl FeaturePyramid {
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &Config,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let stages = 0..config.blocks.len();
        let inner_blocks = stages.clone().map(|stage| {
            let scope = conv_scope(&scope.pp("inner_blocks").pp(stage), "0");
            let inputs = config.channels(stage);
            Ok(Conv2dBuilder::load(&scope, inputs, config.pyramid, 1)?.on(placement))
        });
        let layer_blocks = stages.map(|stage| {
            let scope = conv_scope(&scope.pp("layer_blocks").pp(stage), "0");
            let conv = Conv2dBuilder::load(&scope, config.pyramid, config.pyramid, 3)?;
            Ok(conv.padding(1).on(placement))
        });
        Ok(Self {
            inner_blocks: inner_blocks.collect::<Result<_, LoadError>>()?,
            layer_blocks: layer_blocks.collect::<Result<_, LoadError>>()?,
            isa: placement.isa,
        })
    }

    /// The trunk's stages to the pyramid's levels, largest first, all of `config.pyramid` channels. Takes the stages, so that
    /// each can go once its level is begun: the largest has tens of megabytes.
    pub(super) fn forward(
        &self,
        stages: Vec<Tensor>,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Tensor>, Interrupted> {
        let mut levels = Vec::with_capacity(LEVELS);
        let mut above: Option<Tensor> = None;
        let layers = self.inner_blocks.iter().zip(&self.layer_blocks);
        for ((inner_block, layer_block), stage) in layers.zip(stages).rev() {
            interrupt.check()?;
            let inner = match &above {
                None => inner_block.forward(&stage),
                Some(above) => inner_block.forward_residual(&stage, above), // enlarged on the way
            };
            drop(stage);
            interrupt.check()?;
            levels.push(layer_block.forward(&inner));
            above = Some(inner);
        }
        levels.reverse();
        if let Some(smallest) = levels.last() {
            // A window of one pixel: every second one.
            levels.push(max_pool(self.isa, smallest, 1, 2, 0));
        }
        Ok(levels)
    }
}

/// Where a convolution's tensors lie: since torchvision 0.13 in a `Sequential`, at `position`; in the weights file, which
/// is older, directly here.
pub(super) fn conv_scope<'a>(scope: &Scope<'a>, position: &str) -> Scope<'a> {
    if scope.contains("weight") {
        scope.clone()
    } else {
        scope.pp(position)
    }
}

//! The trunk: a ResNet of bottlenecks, whose stride lies in the 3×3 convolution ("v1.5"). Upstream: `ResNet` and
//! `Bottleneck` of `torchvision/models/resnet.py`, with `FrozenBatchNorm2d`.

use kernels::Isa;
use weights::Scope;

use super::config::Config;
use crate::interrupt::{Interrupt, Interrupted};
use crate::layers::{Conv2d, Conv2dBuilder, max_pool};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// torchvision sets it for its COCO weights (`overwrite_eps`); the layer's own is 1e-5.
const EPS: f64 = 0.0;

/// Everything of the ResNet up to its last stage.
#[derive(Debug)]
pub(super) struct ResNet {
    conv1: Conv2d, // with bn1
    layers: [Vec<Bottleneck>; 4],
    isa: Isa,
}

#[derive(Debug)]
struct Bottleneck {
    conv1: Conv2d, // with bn1
    conv2: Conv2d, // with bn2
    conv3: Conv2d, // with bn3
    downsample: Option<Conv2d>,
}

impl ResNet {
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &Config,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let conv1 = normalised(scope, "conv1", "bn1", (3, config.width), 7)?
            .stride(2)
            .padding(3)
            .relu();
        let mut layers = [const { Vec::new() }; 4];
        let mut inputs = config.width;
        for (stage, layer) in layers.iter_mut().enumerate() {
            let scope = scope.pp(format_args!("layer{}", stage + 1));
            let width = config.width << stage;
            for block in 0..config.blocks[stage] {
                // The first stage follows a pooling and keeps its size.
                let stride = if block == 0 && stage > 0 { 2 } else { 1 };
                let block = Bottleneck::load(&scope.pp(block), (inputs, width), stride, placement)?;
                layer.push(block);
                inputs = config.channels(stage);
            }
        }
        Ok(Self {
            conv1: conv1.on(placement),
            layers,
            isa: placement.isa,
        })
    }

    /// `[batch, height, width, 3]` to the answers of the four stages, from a quarter of the sides to a 32nd.
    pub(super) fn forward(
        &self,
        pixels: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Tensor>, Interrupted> {
        interrupt.check()?;
        let x = self.conv1.forward(pixels); // [batch, height / 2, width / 2, 64]
        let mut x = max_pool(self.isa, &x, 3, 2, 1); // [batch, height / 4, width / 4, 64]
        let mut stages = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            for block in layer {
                interrupt.check()?;
                x = block.forward(&x);
            }
            stages.push(x.clone());
        }
        Ok(stages)
    }
}

impl Bottleneck {
    fn load(
        scope: &Scope<'_>,
        (inputs, width): (usize, usize),
        stride: usize,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let outputs = 4 * width;
        let conv1 = normalised(scope, "conv1", "bn1", (inputs, width), 1)?.relu();
        let conv2 = normalised(scope, "conv2", "bn2", (width, width), 3)?
            .stride(stride)
            .padding(1)
            .relu();
        // The ReLU comes after the sum.
        let conv3 = normalised(scope, "conv3", "bn3", (width, outputs), 1)?.relu();
        let downsample = if stride != 1 || inputs != outputs {
            let (conv, norm) = ("downsample.0", "downsample.1");
            let conv = normalised(scope, conv, norm, (inputs, outputs), 1)?.stride(stride);
            Some(conv.on(placement))
        } else {
            None
        };
        Ok(Self {
            conv1: conv1.on(placement),
            conv2: conv2.on(placement),
            conv3: conv3.on(placement),
            downsample,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let identity = match &self.downsample {
            Some(downsample) => downsample.forward(x),
            None => x.clone(),
        };
        let y = self.conv1.forward(x);
        let y = self.conv2.forward(&y);
        self.conv3.forward_residual(&y, &identity)
    }
}

/// A convolution and the frozen batch norm behind it.
fn normalised<'a>(
    scope: &Scope<'a>,
    conv: &str,
    norm: &str,
    (inputs, outputs): (usize, usize),
    kernel: usize,
) -> Result<Conv2dBuilder<'a>, LoadError> {
    let norm = scope.pp(norm);
    norm.ignore("num_batches_tracked", "counts batches of a training");
    let conv = Conv2dBuilder::load_without_bias(&scope.pp(conv), inputs, outputs, kernel)?;
    Ok(conv.frozen_batch_norm(&norm, EPS)?)
}

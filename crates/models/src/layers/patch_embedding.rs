use candle_core::Tensor;
use weights::{CheckpointError, Scope};

use super::{Linear, LinearBuilder};
use crate::{LoadError, Placement};

/// Squares of an image, side by side, each turned into a token: a convolution whose stride is its kernel.
#[derive(Clone, Debug)]
pub(crate) struct PatchEmbedding {
    linear: Linear,
    patch: usize,
}

impl PatchEmbedding {
    /// `weight` as PyTorch's `Conv2d` of three channels stores it, and `bias` if upstream's has one.
    pub(crate) fn load(
        scope: &Scope<'_>,
        patch: usize,
        width: usize,
        bias: bool,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let weight = load_nhwc(scope, patch, width)?;
        let bias = bias.then(|| scope.f32("bias", &[width])).transpose()?;
        let linear = LinearBuilder::new(patch * patch * 3, width, weight, bias).on(placement)?;
        Ok(Self { linear, patch })
    }

    /// `[batch, side, side, 3]` to `[batch, patches, width]`, patches row by row.
    pub(crate) fn forward(&self, pixels: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, height, width, channels) = pixels.dims4()?;
        let (patch, rows, columns) = (self.patch, height / self.patch, width / self.patch);
        let run = patch * channels;
        let patches = pixels
            .reshape((batch, rows, patch, columns, run))?
            .permute((0, 1, 3, 2, 4))?
            .reshape((batch, rows * columns, patch * run))?;
        self.linear.forward(&patches)
    }
}

/// The kernel `[width, 3, patch, patch]` in the order of the pixels: `[width, patch, patch, 3]`.
fn load_nhwc(scope: &Scope<'_>, patch: usize, width: usize) -> Result<Vec<f32>, CheckpointError> {
    let stored = scope.f32("weight", &[width, 3, patch, patch])?;
    let area = patch * patch;
    let mut weight = Vec::with_capacity(stored.len());
    for kernel in stored.chunks_exact(3 * area) {
        for place in 0..area {
            weight.extend((0..3).map(|channel| kernel[channel * area + place]));
        }
    }
    Ok(weight)
}

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, bail};
use weights::{CheckpointError, Scope};

use super::{Linear, LinearBuilder, contiguous};
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
        let rows = if pixels.device().is_cpu() {
            let kernel = PatchRows { patch: self.patch };
            pixels.contiguous()?.apply_op1_no_bwd(&kernel)?
        } else {
            patch_rows(pixels, self.patch)?
        };
        self.linear.forward(&rows)
    }
}

/// `[batch, side, side, channels]` to `[batch, patches, patch * patch * channels]`, for candle's own operations.
fn patch_rows(pixels: &Tensor, patch: usize) -> candle_core::Result<Tensor> {
    let (batch, height, width, channels) = pixels.dims4()?;
    let (rows, columns, run) = (height / patch, width / patch, patch * channels);
    pixels
        .reshape((batch, rows, patch, columns, run))?
        .permute((0, 1, 3, 2, 4))?
        .reshape((batch, rows * columns, patch * run))
}

struct PatchRows {
    patch: usize,
}

impl CustomOp1 for PatchRows {
    fn name(&self) -> &'static str {
        "patch rows"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let patch = self.patch;
        let (batch, height, width, channels) = layout.shape().dims4()?;
        if height != width || height == 0 || height % patch != 0 {
            bail!("patches of {patch} cannot be cut from {:?}", layout.shape());
        }
        let pixels = contiguous(storage, layout)?;
        let rows = kernels::patch_rows(pixels, height, patch, channels);
        let shape = (batch, (height / patch).pow(2), patch * patch * channels);
        Ok((CpuStorage::F32(rows), shape.into()))
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

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};

    use super::{PatchRows, patch_rows};
    use crate::layers::test_numbers;

    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let pixels = Tensor::from_vec(
            test_numbers(2 * 12 * 12 * 3, 0.1),
            (2, 12, 12, 3),
            &Device::Cpu,
        )?;
        let kernel = pixels.apply_op1_no_bwd(&PatchRows { patch: 4 })?;
        let tensors = patch_rows(&pixels, 4)?;
        assert_eq!(kernel.to_vec3::<f32>()?, tensors.to_vec3::<f32>()?);
        assert!(pixels.apply_op1_no_bwd(&PatchRows { patch: 5 }).is_err());
        Ok(())
    }
}

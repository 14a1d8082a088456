use weights::{CheckpointError, Scope};

use super::{Linear, LinearBuilder};
use crate::tensor::Tensor;
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
        let linear = LinearBuilder::new(patch * patch * 3, width, weight, bias).on(placement);
        Ok(Self { linear, patch })
    }

    /// `[batch, side, side, 3]` to `[batch, patches, width]`, patches row by row.
    pub(crate) fn forward(&self, pixels: &Tensor) -> Tensor {
        let [batch, height, width, channels] = pixels.dims();
        let patch = self.patch;
        assert!(
            height == width && height.is_multiple_of(patch),
            "patches of {patch} cannot be cut from {pixels:?}"
        );
        let rows = kernels::patch_rows(pixels.values(), height, patch, channels);
        let shape = [batch, (height / patch).pow(2), patch * patch * channels];
        self.linear.forward(&Tensor::new(rows, &shape))
    }
}

/// The kernel `[width, 3, patch, patch]` in the order of the pixels: `[width, patch, patch, 3]`.
fn load_nhwc(scope: &Scope<'_>, patch: usize, width: usize) -> Result<Vec<f32>, CheckpointError> {
    let stored = scope.f32_cow("weight", &[width, 3, patch, patch])?;
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
    use kernels::Precision;

    use super::{LinearBuilder, PatchEmbedding};
    use crate::Placement;
    use crate::layers::test_numbers;

    #[test]
    #[should_panic(expected = "patches of 5 cannot be cut from [2, 12, 12, 3]")]
    fn patches_that_do_not_fit_are_a_bug() {
        let weight = test_numbers(&[8, 75], 0.1).into_vec();
        let embedding = PatchEmbedding {
            linear: LinearBuilder::new(75, 8, weight, None).on(&Placement::new(Precision::F32)),
            patch: 5,
        };
        let _ = embedding.forward(&test_numbers(&[2, 12, 12, 3], 0.2));
    }
}

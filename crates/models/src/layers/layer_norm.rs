use kernels::Isa;
use weights::Scope;

use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// Each row shifted to mean 0 and scaled to variance 1, then by a weight and a bias for each column.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    parameters: Parameters,
    eps: f32,
}

#[derive(Clone, Debug)]
enum Parameters {
    Slices {
        weight: Vec<f32>,
        bias: Vec<f32>,
        isa: Isa,
    },
}

impl LayerNorm {
    /// `weight` and `bias` as PyTorch's `LayerNorm` stores them. `eps` is added to the variance.
    pub(crate) fn load(
        scope: &Scope<'_>,
        width: usize,
        eps: f64,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            parameters: Parameters::Slices {
                weight: scope.f32("weight", &[width])?,
                bias: scope.f32("bias", &[width])?,
                isa: placement.isa,
            },
            eps: eps as f32,
        })
    }

    /// `[…, width]` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let Parameters::Slices { weight, bias, isa } = &self.parameters;
        assert_eq!(
            x.shape().last(),
            Some(&weight.len()),
            "width of {x:?} and of a layer norm"
        );
        let values = kernels::layer_norm(*isa, x.values(), weight, bias, self.eps);
        Tensor::new(values, x.shape())
    }
}

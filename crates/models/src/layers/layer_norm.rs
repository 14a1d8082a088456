use candle_core::{D, Tensor};
use weights::Scope;

use crate::{LoadError, Placement};

/// Each row shifted to mean 0 and scaled to variance 1, then by a weight and a bias for each column.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor, // [width]
    bias: Tensor,   // [width]
    eps: f64,
}

impl LayerNorm {
    /// `weight` and `bias` as PyTorch's `LayerNorm` stores them. `eps` is added to the variance.
    pub(crate) fn load(
        scope: &Scope<'_>,
        width: usize,
        eps: f64,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let tensor = |name| -> Result<Tensor, LoadError> {
            Ok(Tensor::new(scope.f32(name, &[width])?, &placement.device)?)
        };
        Ok(Self {
            weight: tensor("weight")?,
            bias: tensor("bias")?,
            eps,
        })
    }

    /// `[…, width]` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        centred
            .broadcast_div(&(variance + self.eps)?.sqrt()?)?
            .broadcast_mul(&self.weight)?
            .broadcast_add(&self.bias)
    }
}

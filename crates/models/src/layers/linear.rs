use std::borrow::Cow;

use kernels::{Activation, LinearWeights};
use weights::{CheckpointError, Scope};

use crate::Placement;
use crate::tensor::Tensor;

/// A linear layer being put together: its tensors, read from a checkpoint, and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct LinearBuilder<'a> {
    inputs: usize,
    outputs: usize,
    weight: Cow<'a, [f32]>, // [outputs, inputs]
    bias: Option<Vec<f32>>,
    activation: Option<Activation>,
}

impl<'a> LinearBuilder<'a> {
    /// `weight` and `bias` as PyTorch's `Linear` stores them.
    pub(crate) fn load(
        scope: &Scope<'a>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        Self::load_named(scope, ["weight", "bias"], inputs, outputs)
    }

    /// The same for a weight and a bias of other names.
    pub(crate) fn load_named(
        scope: &Scope<'a>,
        [weight, bias]: [&str; 2],
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        let weight = scope.f32_cow(weight, &[outputs, inputs])?;
        let bias = scope.f32(bias, &[outputs])?;
        Ok(Self::new(inputs, outputs, weight, Some(bias)))
    }

    /// A plain matrix that upstream multiplies from the right, stored `[inputs, outputs]`; no bias.
    pub(crate) fn load_transposed(
        scope: &Scope<'_>,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        let stored = scope.f32_cow(name, &[inputs, outputs])?;
        let mut weight = Vec::with_capacity(stored.len());
        for output in 0..outputs {
            weight.extend(stored[output..].iter().step_by(outputs));
        }
        Ok(Self::new(inputs, outputs, weight, None))
    }

    /// From numbers: `weight` is `[outputs, inputs]`, `bias` is `[outputs]`.
    pub(crate) fn new(
        inputs: usize,
        outputs: usize,
        weight: impl Into<Cow<'a, [f32]>>,
        bias: Option<Vec<f32>>,
    ) -> Self {
        Self {
            inputs,
            outputs,
            weight: weight.into(),
            bias,
            activation: None,
        }
    }

    /// Followed by `activation`.
    pub(crate) fn activation(mut self, activation: Activation) -> Self {
        self.activation = Some(activation);
        self
    }

    /// Followed by LayerScale, `gamma · (x Wᵀ + b)`. It costs nothing at run time: gamma is multiplied into the weights.
    pub(crate) fn layer_scale(mut self, scope: &Scope<'_>) -> Result<Self, CheckpointError> {
        debug_assert!(self.activation.is_none());
        let gamma = scope.f32("gamma", &[self.outputs])?;
        for (row, gamma) in self
            .weight
            .to_mut()
            .chunks_exact_mut(self.inputs)
            .zip(&gamma)
        {
            row.iter_mut().for_each(|weight| *weight *= gamma);
        }
        for (bias, gamma) in self.bias.iter_mut().flatten().zip(&gamma) {
            *bias *= gamma;
        }
        Ok(self)
    }

    /// The layer, ready to run as `placement` says.
    pub(crate) fn on(self, placement: &Placement) -> Linear {
        let weights = LinearWeights {
            inputs: self.inputs,
            outputs: self.outputs,
            weight: &self.weight,
            bias: self.bias.as_deref(),
        };
        Linear::Packed(kernels::Linear::new(
            placement.isa,
            placement.precision,
            &weights,
            self.activation,
        ))
    }
}

/// `x Wᵀ + b`, with an activation and LayerScale where it was built with them.
#[derive(Clone, Debug)]
pub(crate) enum Linear {
    Packed(kernels::Linear),
}

impl Linear {
    /// `[…, inputs]` to `[…, outputs]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let Self::Packed(layer) = self;
        let shape = output_shape(layer, x);
        Tensor::new(layer.forward(x.values(), None), &shape)
    }

    /// `residual` plus the answer to `x`.
    pub(crate) fn forward_residual(&self, x: &Tensor, residual: &Tensor) -> Tensor {
        let Self::Packed(layer) = self;
        let shape = output_shape(layer, x);
        assert!(
            residual.shape() == shape,
            "a residual of {residual:?} for an answer of {shape:?}"
        );
        Tensor::new(layer.forward(x.values(), Some(residual.values())), &shape)
    }
}

fn output_shape(layer: &kernels::Linear, x: &Tensor) -> Vec<usize> {
    let mut shape = x.shape().to_vec();
    let last = shape.last_mut().filter(|last| **last == layer.inputs());
    *last.unwrap_or_else(|| {
        panic!(
            "a linear layer of {} inputs cannot take {x:?}",
            layer.inputs()
        )
    }) = layer.outputs();
    shape
}

#[cfg(test)]
mod tests {
    use kernels::Precision;

    use super::{Linear, LinearBuilder};
    use crate::Placement;
    use crate::layers::test_numbers;

    fn linear() -> Linear {
        let weight = test_numbers(&[37, 20], 0.1).into_vec();
        LinearBuilder::new(20, 37, weight, None).on(&Placement::new(Precision::F32))
    }

    #[test]
    #[should_panic(expected = "of 20 inputs cannot take [2, 19]")]
    fn an_activation_that_does_not_fit_is_a_bug() {
        let _ = linear().forward(&test_numbers(&[2, 19], 0.5));
    }

    #[test]
    #[should_panic(expected = "a residual of [3, 37] for an answer of [2, 37]")]
    fn a_residual_that_does_not_fit_is_a_bug() {
        let (x, residual) = (test_numbers(&[2, 20], 0.5), test_numbers(&[3, 37], 0.6));
        let _ = linear().forward_residual(&x, &residual);
    }
}

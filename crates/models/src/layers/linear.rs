use candle_core::{DType, Tensor};
use weights::{CheckpointError, Scope};

use crate::{Placement, Precision};

/// What follows a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x · sigmoid(1.702 x)`, of OpenAI's CLIP.
    QuickGelu,
    /// `x · Φ(x)` by the error function; not its approximation by tanh.
    Gelu,
}

/// A linear layer being put together: its tensors, read from a checkpoint, and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct LinearBuilder {
    inputs: usize,
    outputs: usize,
    weight: Vec<f32>, // [outputs, inputs]
    bias: Option<Vec<f32>>,
    activation: Option<Activation>,
}

impl LinearBuilder {
    /// `weight` and `bias` as PyTorch's `Linear` stores them.
    pub(crate) fn load(
        scope: &Scope<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        Self::load_named(scope, ["weight", "bias"], inputs, outputs)
    }

    /// The same for a weight and a bias of other names.
    pub(crate) fn load_named(
        scope: &Scope<'_>,
        [weight, bias]: [&str; 2],
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        let weight = scope.f32(weight, &[outputs, inputs])?;
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
        let stored = scope.f32(name, &[inputs, outputs])?;
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
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
    ) -> Self {
        Self {
            inputs,
            outputs,
            weight,
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
        for (row, gamma) in self.weight.chunks_exact_mut(self.inputs).zip(&gamma) {
            row.iter_mut().for_each(|weight| *weight *= gamma);
        }
        for (bias, gamma) in self.bias.iter_mut().flatten().zip(&gamma) {
            *bias *= gamma;
        }
        Ok(self)
    }

    /// The layer, ready to run where `placement` says.
    pub(crate) fn on(self, placement: &Placement) -> candle_core::Result<Linear> {
        let device = &placement.device;
        let weight = Tensor::from_vec(self.weight, (self.outputs, self.inputs), device)?;
        let bias = self
            .bias
            .map(|bias| Tensor::new(bias, device))
            .transpose()?;
        Ok(Linear {
            weight: round(&weight, placement.precision)?,
            bias,
            activation: self.activation,
            precision: placement.precision,
        })
    }
}

/// `x Wᵀ + b`, with an activation and LayerScale where it was built with them.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    weight: Tensor,       // [outputs, inputs]
    bias: Option<Tensor>, // [outputs]
    activation: Option<Activation>,
    precision: Precision,
}

impl Linear {
    /// `[…, inputs]` to `[…, outputs]`.
    pub(crate) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (outputs, inputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        let rows = x.elem_count() / inputs;
        if let Some(last) = shape.last_mut() {
            *last = outputs;
        }
        let x = round(&x.reshape((rows, inputs))?, self.precision)?;
        let mut y = x.matmul(&self.weight.t()?)?;
        if let Some(bias) = &self.bias {
            y = y.broadcast_add(bias)?;
        }
        let y = match self.activation {
            None => y,
            Some(Activation::QuickGelu) => (&y / ((&y * -1.702)?.exp()? + 1.0)?)?,
            Some(Activation::Gelu) => y.gelu_erf()?,
        };
        y.reshape(shape)
    }

    /// `residual` plus the answer to `x`.
    pub(crate) fn forward_residual(
        &self,
        x: &Tensor,
        residual: &Tensor,
    ) -> candle_core::Result<Tensor> {
        residual + self.forward(x)?
    }
}

/// The operand of a product as `precision` has it. Products of two bfloat16 are exact in f32, so that an f32 product
/// of rounded operands is a bf16 product with f32 accumulation.
fn round(x: &Tensor, precision: Precision) -> candle_core::Result<Tensor> {
    match precision {
        Precision::F32 => Ok(x.clone()),
        Precision::Bf16 => x.to_dtype(DType::BF16)?.to_dtype(DType::F32),
    }
}

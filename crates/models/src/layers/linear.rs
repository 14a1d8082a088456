use std::borrow::Cow;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor, bail};
use kernels::{Activation, LinearWeights, Precision};
use weights::{CheckpointError, Scope};

use super::{contiguous, round};
use crate::Placement;

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

    /// The layer, ready to run where `placement` says.
    pub(crate) fn on(self, placement: &Placement) -> candle_core::Result<Linear> {
        Ok(if placement.device.is_cpu() {
            Linear::Packed(self.pack(placement))
        } else {
            Linear::Tensors(self.tensors(placement)?)
        })
    }

    fn pack(&self, placement: &Placement) -> kernels::Linear {
        let weights = LinearWeights {
            inputs: self.inputs,
            outputs: self.outputs,
            weight: &self.weight,
            bias: self.bias.as_deref(),
        };
        kernels::Linear::new(
            placement.isa,
            placement.precision,
            &weights,
            self.activation,
        )
    }

    fn tensors(self, placement: &Placement) -> candle_core::Result<Tensors> {
        let device = &placement.device;
        let weight = Tensor::from_vec(
            self.weight.into_owned(),
            (self.outputs, self.inputs),
            device,
        )?;
        let bias = self
            .bias
            .map(|bias| Tensor::new(bias, device))
            .transpose()?;
        Ok(Tensors {
            weight: round(&weight, placement.precision)?,
            bias,
            activation: self.activation,
            precision: placement.precision,
        })
    }
}

/// `x Wᵀ + b`, with an activation and LayerScale where it was built with them.
#[derive(Clone, Debug)]
pub(crate) enum Linear {
    Packed(kernels::Linear),
    Tensors(Tensors),
}

impl Linear {
    /// `[…, inputs]` to `[…, outputs]`.
    pub(crate) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Packed(layer) => x.contiguous()?.apply_op1_no_bwd(&Kernel(layer)),
            Self::Tensors(tensors) => tensors.forward(x),
        }
    }

    /// `residual` plus the answer to `x`.
    pub(crate) fn forward_residual(
        &self,
        x: &Tensor,
        residual: &Tensor,
    ) -> candle_core::Result<Tensor> {
        match self {
            Self::Packed(layer) => x
                .contiguous()?
                .apply_op2_no_bwd(&residual.contiguous()?, &Kernel(layer)),
            Self::Tensors(tensors) => residual + tensors.forward(x)?,
        }
    }
}

struct Kernel<'a>(&'a kernels::Linear);

impl Kernel<'_> {
    fn shape(&self, input: &Layout) -> candle_core::Result<Shape> {
        let mut shape = input.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == self.0.inputs() => *last = self.0.outputs(),
            _ => bail!(
                "linear layer of {} inputs cannot take an activation of {:?}",
                self.0.inputs(),
                input.shape()
            ),
        }
        Ok(shape.into())
    }
}

impl CustomOp1 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = self.shape(layout)?;
        let output = self.0.forward(contiguous(storage, layout)?, None);
        Ok((CpuStorage::F32(output), shape))
    }
}

impl CustomOp2 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "linear with residual"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = self.shape(layout)?;
        if residual_layout.shape() != &shape {
            bail!(
                "residual of {:?} for an answer of {shape:?}",
                residual_layout.shape()
            );
        }
        let residual = contiguous(residual, residual_layout)?;
        let output = self.0.forward(contiguous(storage, layout)?, Some(residual));
        Ok((CpuStorage::F32(output), shape))
    }
}

/// The same layer for candle's own operations.
#[derive(Clone, Debug)]
pub(crate) struct Tensors {
    weight: Tensor,       // [outputs, inputs]
    bias: Option<Tensor>, // [outputs]
    activation: Option<Activation>,
    precision: Precision,
}

impl Tensors {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
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
            Some(Activation::Relu) => y.relu()?,
            Some(Activation::QuickGelu) => (&y / ((&y * -1.702)?.exp()? + 1.0)?)?,
            Some(Activation::Gelu) => y.gelu_erf()?,
        };
        y.reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Result, Tensor};
    use kernels::{Activation, Precision};

    use super::{Linear, LinearBuilder};
    use crate::Placement;
    use crate::layers::test_numbers;

    fn builder(activation: Option<Activation>) -> LinearBuilder<'static> {
        let (weight, bias) = (test_numbers(37 * 20, 0.1), test_numbers(37, 0.2));
        LinearBuilder {
            activation,
            ..LinearBuilder::new(20, 37, weight, Some(bias))
        }
    }

    /// What other devices run, on the one device every machine has.
    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let x = Tensor::from_vec(test_numbers(2 * 9 * 20, 0.5), (2, 9, 20), &Device::Cpu)?;
        let residual = Tensor::from_vec(test_numbers(2 * 9 * 37, 0.6), (2, 9, 37), &Device::Cpu)?;
        for precision in [Precision::F32, Precision::Bf16] {
            let placement = Placement::new(Device::Cpu, precision);
            for activation in [
                None,
                Some(Activation::Relu),
                Some(Activation::QuickGelu),
                Some(Activation::Gelu),
            ] {
                let packed = builder(activation).on(&placement)?;
                let tensors = Linear::Tensors(builder(activation).tensors(&placement)?);
                for (a, b) in [
                    (packed.forward(&x)?, tensors.forward(&x)?),
                    (
                        packed.forward_residual(&x, &residual)?,
                        tensors.forward_residual(&x, &residual)?,
                    ),
                ] {
                    let difference = (a - b)?.abs()?.max_all()?.to_scalar::<f32>()?;
                    // As exact as `Activation::Gelu` says it is there.
                    let tolerance = match (precision, activation) {
                        (Precision::Bf16, Some(Activation::Gelu)) => 2e-4,
                        _ => 2e-5,
                    };
                    assert!(
                        difference <= tolerance,
                        "{precision:?} {activation:?}: {difference}"
                    );
                }
            }
        }
        Ok(())
    }

    #[test]
    fn an_activation_that_does_not_fit_is_an_error() -> Result<()> {
        let layer = builder(None).on(&Placement::new(Device::Cpu, Precision::F32))?;
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let message = layer.forward(&zeros(&[2, 19])?).unwrap_err().to_string();
        assert!(message.contains("of 20 inputs cannot take"), "{message}");
        let error = layer.forward_residual(&zeros(&[2, 20])?, &zeros(&[3, 37])?);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("residual of [3, 37]"), "{message}");
        Ok(())
    }
}

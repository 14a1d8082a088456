use candle_core::{CpuStorage, CustomOp1, D, Layout, Shape, Tensor, bail};
use kernels::Isa;
use weights::Scope;

use super::contiguous;
use crate::{LoadError, Placement};

/// Each row shifted to mean 0 and scaled to variance 1, then by a weight and a bias for each column.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    parameters: Parameters,
    eps: f64,
}

#[derive(Clone, Debug)]
enum Parameters {
    Slices {
        weight: Vec<f32>,
        bias: Vec<f32>,
        isa: Isa,
    },
    Tensors {
        weight: Tensor, // [width]
        bias: Tensor,   // [width]
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
        let weight = scope.f32("weight", &[width])?;
        let bias = scope.f32("bias", &[width])?;
        Ok(Self::on(placement, weight, bias, eps)?)
    }

    fn on(
        placement: &Placement,
        weight: Vec<f32>,
        bias: Vec<f32>,
        eps: f64,
    ) -> candle_core::Result<Self> {
        let device = &placement.device;
        let parameters = if device.is_cpu() {
            let isa = placement.isa;
            Parameters::Slices { weight, bias, isa }
        } else {
            Parameters::Tensors {
                weight: Tensor::new(weight, device)?,
                bias: Tensor::new(bias, device)?,
            }
        };
        Ok(Self { parameters, eps })
    }

    /// `[…, width]` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match &self.parameters {
            Parameters::Slices { weight, bias, isa } => x.contiguous()?.apply_op1_no_bwd(&Kernel {
                weight,
                bias,
                eps: self.eps as f32,
                isa: *isa,
            }),
            Parameters::Tensors { weight, bias } => {
                let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
                let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
                centred
                    .broadcast_div(&(variance + self.eps)?.sqrt()?)?
                    .broadcast_mul(weight)?
                    .broadcast_add(bias)
            }
        }
    }
}

struct Kernel<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    eps: f32,
    isa: Isa,
}

impl CustomOp1 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "layer norm"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        if layout.dims().last() != Some(&self.weight.len()) {
            bail!(
                "layer norm of width {} cannot take an activation of {:?}",
                self.weight.len(),
                layout.shape()
            );
        }
        let input = contiguous(storage, layout)?;
        let output = kernels::layer_norm(self.isa, input, self.weight, self.bias, self.eps);
        Ok((CpuStorage::F32(output), layout.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};
    use kernels::Precision;

    use super::{LayerNorm, Parameters};
    use crate::Placement;
    use crate::layers::test_numbers;

    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let x = Tensor::from_vec(test_numbers(3 * 5 * 21, 0.3), (3, 5, 21), &Device::Cpu)?;
        let (weight, bias) = (test_numbers(21, 0.1), test_numbers(21, 0.2));
        let tensors = LayerNorm {
            parameters: Parameters::Tensors {
                weight: Tensor::new(weight.clone(), &Device::Cpu)?,
                bias: Tensor::new(bias.clone(), &Device::Cpu)?,
            },
            eps: 1e-5,
        };
        let placement = Placement::new(Device::Cpu, Precision::F32);
        let slices = LayerNorm::on(&placement, weight, bias, 1e-5)?;
        let difference = (slices.forward(&x)? - tensors.forward(&x)?)?.abs()?;
        assert!(difference.max_all()?.to_scalar::<f32>()? <= 1e-5);
        Ok(())
    }
}

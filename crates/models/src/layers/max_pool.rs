use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, bail};
use kernels::{Extent, Isa, MaxPool2d};

use super::contiguous;

/// The maximum over windows of `[batch, height, width, channels]`, as PyTorch's `max_pool2d`.
pub(crate) fn max_pool(
    x: &Tensor,
    window: usize,
    stride: usize,
    padding: usize,
) -> candle_core::Result<Tensor> {
    let pool = MaxPool2d {
        window,
        stride,
        padding,
    };
    if x.device().is_cpu() {
        x.contiguous()?.apply_op1_no_bwd(&Kernel(pool))
    } else {
        tensors(pool, x)
    }
}

struct Kernel(MaxPool2d);

impl CustomOp1 for Kernel {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let extent = Extent {
            batch,
            height,
            width,
        };
        let Some(output) = self.0.output_extent(extent) else {
            bail!(
                "max_pool2d cannot take an activation of {:?}",
                layout.shape()
            )
        };
        let input = contiguous(storage, layout)?;
        let pooled = self.0.forward(Isa::detect(), input, extent, channels);
        let shape = (output.batch, output.height, output.width, channels);
        Ok((CpuStorage::F32(pooled), shape.into()))
    }
}

/// The same by candle's own operations.
fn tensors(pool: MaxPool2d, x: &Tensor) -> candle_core::Result<Tensor> {
    let mut x = x.permute((0, 3, 1, 2))?.contiguous()?;
    for axis in [2, 3] {
        // Padding never wins, and neither does a repeated edge, which is in the window already.
        x = x.pad_with_same(axis, pool.padding, pool.padding)?;
    }
    x.max_pool2d_with_stride(pool.window, pool.stride)?
        .permute((0, 2, 3, 1))?
        .contiguous()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};
    use kernels::MaxPool2d;

    use super::{max_pool, tensors};
    use crate::layers::test_numbers;

    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        for (window, stride, padding) in [(3, 2, 1), (1, 2, 0)] {
            for (height, width) in [(8, 9), (7, 1)] {
                let shape = (2, height, width, 5);
                let numbers = test_numbers(2 * height * width * 5, 0.3);
                let x = Tensor::from_vec(numbers, shape, &Device::Cpu)?;
                let pool = MaxPool2d {
                    window,
                    stride,
                    padding,
                };
                let (a, b) = (max_pool(&x, window, stride, padding)?, tensors(pool, &x)?);
                assert_eq!(a.dims(), b.dims());
                let values = |x: Tensor| x.flatten_all()?.to_vec1::<f32>();
                assert_eq!(values(a)?, values(b)?);
            }
        }
        Ok(())
    }
}

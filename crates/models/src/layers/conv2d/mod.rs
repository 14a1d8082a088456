mod builder;
#[cfg(test)]
mod tests;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor, bail};
use kernels::{Extent, Precision, Residual};

use super::{contiguous, round};
pub(crate) use builder::Conv2dBuilder;

/// A convolution with bias, then residual, rectifier and max pooling where it was built with them.
#[derive(Clone, Debug)]
pub(crate) struct Conv2d {
    weights: Weights,
    /// Whether callers split the work over threads themselves.
    in_pieces: bool,
    pool: Option<usize>,
}

#[derive(Clone, Debug)]
enum Weights {
    Packed(Box<kernels::Conv2d>),
    Tensors(Tensors),
}

impl Conv2d {
    /// `[batch, height, width, in_channels]` to `[batch, height', width', out_channels]`.
    pub(crate) fn forward(&self, input: &Tensor) -> candle_core::Result<Tensor> {
        match &self.weights {
            Weights::Packed(conv) => input.contiguous()?.apply_op1_no_bwd(&Kernel {
                conv,
                in_pieces: self.in_pieces,
                pool: self.pool,
            }),
            Weights::Tensors(tensors) => tensors.forward(input, None, self.pool),
        }
    }

    /// The same with `residual` added before the rectifier. It has the output's batch and channels; its height and width are
    /// brought to the output's as PyTorch's `interpolate(mode="nearest")` does it.
    pub(crate) fn forward_residual(
        &self,
        input: &Tensor,
        residual: &Tensor,
    ) -> candle_core::Result<Tensor> {
        debug_assert!(!self.in_pieces);
        match &self.weights {
            Weights::Packed(conv) => {
                let kernel = Kernel {
                    conv,
                    in_pieces: false,
                    pool: None,
                };
                input
                    .contiguous()?
                    .apply_op2_no_bwd(&residual.contiguous()?, &kernel)
            }
            Weights::Tensors(tensors) => tensors.forward(input, Some(residual), None),
        }
    }
}

struct Kernel<'a> {
    conv: &'a kernels::Conv2d,
    in_pieces: bool,
    pool: Option<usize>,
}

impl Kernel<'_> {
    /// Extent of the input, and the output's shape.
    fn fit(&self, layout: &Layout) -> candle_core::Result<(Extent, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let extent = Extent {
            batch,
            height,
            width,
        };
        let fitting = match self.pool {
            _ if channels != self.conv.in_channels() => None,
            Some(pool) => self.conv.pooled_extent(extent, pool),
            None => self.conv.output_extent(extent),
        };
        let Some(output) = fitting else {
            bail!("conv2d cannot take an activation of {:?}", layout.shape())
        };
        let channels = self.conv.out_channels();
        let shape = (output.batch, output.height, output.width, channels);
        Ok((extent, shape.into()))
    }
}

impl CustomOp1 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (extent, shape) = self.fit(layout)?;
        let input = contiguous(storage, layout)?;
        let output = if self.in_pieces {
            let mut output = Vec::new();
            match self.pool {
                Some(pool) => self.conv.append_max_pool(input, extent, pool, &mut output),
                None => self.conv.append(input, extent, &mut output),
            }
            output
        } else {
            self.conv.forward(input, extent, None)
        };
        Ok((CpuStorage::F32(output), shape))
    }
}

impl CustomOp2 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "conv2d with residual"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (extent, shape) = self.fit(layout)?;
        let (batch, height, width, channels) = residual_layout.shape().dims4()?;
        let fits = (batch, channels) == (shape.dims()[0], shape.dims()[3]);
        if !fits || height * width == 0 {
            bail!(
                "residual of {:?} for an answer of {shape:?}",
                residual_layout.shape()
            );
        }
        let residual = contiguous(residual, residual_layout)?;
        let input = contiguous(storage, layout)?;
        let residual = Residual {
            values: residual,
            extent: Extent {
                batch,
                height,
                width,
            },
        };
        let output = self.conv.forward(input, extent, Some(residual));
        Ok((CpuStorage::F32(output), shape))
    }
}

/// The same layer for candle's own operations.
#[derive(Clone, Debug)]
struct Tensors {
    weight: Tensor,         // [out_channels, in_channels, kernel, kernel]
    bias: Tensor,           // [1, out_channels, 1, 1]
    slopes: Option<Tensor>, // [1, out_channels, 1, 1]
    stride: usize,
    padding: usize,
    precision: Precision,
}

impl Tensors {
    fn forward(
        &self,
        input: &Tensor,
        residual: Option<&Tensor>,
        pool: Option<usize>,
    ) -> candle_core::Result<Tensor> {
        let input = round(&input.permute((0, 3, 1, 2))?.contiguous()?, self.precision)?;
        let mut x = input
            .conv2d(&self.weight, self.padding, self.stride, 1, 1)?
            .broadcast_add(&self.bias)?;
        if let Some(residual) = residual {
            let (_, _, height, width) = x.dims4()?;
            let residual = residual.permute((0, 3, 1, 2))?.contiguous()?;
            x = (x + residual.upsample_nearest2d(height, width)?)?;
        }
        if let Some(slopes) = &self.slopes {
            let below = x.neg()?.relu()?.broadcast_mul(slopes)?;
            x = (x.relu()? - below)?;
        }
        if let Some(pool) = pool {
            // `ceil_mode`: repeating the last row or column leaves every maximum as it is.
            for axis in [2, 3] {
                x = x.pad_with_same(axis, 0, (x.dim(axis)? + pool) % 2)?;
            }
            x = x.max_pool2d_with_stride(pool, 2)?;
        }
        x.permute((0, 2, 3, 1))?.contiguous()
    }
}

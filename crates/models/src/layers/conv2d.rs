use candle_core::{CpuStorage, CustomOp1, Device, Layout, Shape, Tensor, bail};
use kernels::{Conv2dWeights, Extent, Isa};
use weights::{CheckpointError, Scope};

use super::contiguous;

/// A convolution being put together: its tensors, read from a checkpoint, and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Conv2dBuilder {
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    weight: Vec<f32>, // [out_channels, in_channels, kernel, kernel]
    bias: Vec<f32>,
    slope: Option<Vec<f32>>,
    pool: Option<usize>,
}

impl Conv2dBuilder {
    /// A square convolution, as PyTorch's `Conv2d` stores it.
    pub(crate) fn load(
        scope: &Scope<'_>,
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
    ) -> Result<Self, CheckpointError> {
        let weight = scope.f32("weight", &[out_channels, in_channels, kernel, kernel])?;
        let bias = scope.f32("bias", &[out_channels])?;
        let (slope, pool) = (None, None);
        Ok(Self {
            in_channels,
            out_channels,
            kernel,
            weight,
            bias,
            slope,
            pool,
        })
    }

    /// A dense layer, which is a 1×1 convolution of a 1×1 image.
    pub(crate) fn load_dense(
        scope: &Scope<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        Self::load_dense_over_map(scope, inputs, 1, outputs)
    }

    /// A dense layer that upstream applies to a whole `side`×`side` map, flattened as `[width, height, channels]`: a
    /// convolution whose kernel covers the map.
    pub(crate) fn load_dense_over_map(
        scope: &Scope<'_>,
        channels: usize,
        side: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        let inputs = channels * side * side;
        let stored = scope.f32("weight", &[outputs, inputs])?;
        let mut weight = Vec::with_capacity(stored.len());
        for row in stored.chunks_exact(inputs) {
            for channel in 0..channels {
                for y in 0..side {
                    weight.extend((0..side).map(|x| row[(x * side + y) * channels + channel]));
                }
            }
        }
        Ok(Self {
            in_channels: channels,
            out_channels: outputs,
            kernel: side,
            weight,
            bias: scope.f32("bias", &[outputs])?,
            slope: None,
            pool: None,
        })
    }

    /// Followed by a PReLU with a slope for each channel.
    pub(crate) fn prelu(mut self, scope: &Scope<'_>) -> Result<Self, CheckpointError> {
        self.slope = Some(scope.f32("weight", &[self.out_channels])?);
        Ok(self)
    }

    /// Followed, after the PReLU, by the maximum over windows of `pool`×`pool` with stride 2, in `ceil_mode`.
    pub(crate) fn max_pool(mut self, pool: usize) -> Self {
        self.pool = Some(pool);
        self
    }

    /// One convolution that gives this one's channels and then `other`'s, for layers that read the same input. Both must
    /// have the same input channels and kernel, and nothing after them.
    pub(crate) fn beside(mut self, other: Self) -> Self {
        debug_assert!(self.in_channels == other.in_channels && self.kernel == other.kernel);
        debug_assert!(self.slope.is_none() && other.slope.is_none());
        self.out_channels += other.out_channels;
        self.weight.extend(other.weight);
        self.bias.extend(other.bias);
        self
    }

    /// The layer, ready to run on `device`.
    pub(crate) fn on(self, device: &Device) -> candle_core::Result<Conv2d> {
        let weights = if device.is_cpu() {
            Weights::Packed(self.pack(Isa::detect()))
        } else {
            Weights::Tensors(self.tensors(device)?)
        };
        Ok(Conv2d {
            weights,
            pool: self.pool,
        })
    }

    fn pack(&self, isa: Isa) -> kernels::Conv2d {
        kernels::Conv2d::new(
            isa,
            &Conv2dWeights {
                out_channels: self.out_channels,
                in_channels: self.in_channels,
                kernel: (self.kernel, self.kernel),
                weight: &self.weight,
                bias: &self.bias,
                slope: self.slope.as_deref(),
            },
        )
    }

    fn tensors(&self, device: &Device) -> candle_core::Result<Tensors> {
        let (channels, kernel) = (self.out_channels, self.kernel);
        let shape = (channels, self.in_channels, kernel, kernel);
        let per_channel = |values: &[f32]| Tensor::from_slice(values, (1, channels, 1, 1), device);
        Ok(Tensors {
            weight: Tensor::from_slice(&self.weight, shape, device)?,
            bias: per_channel(&self.bias)?,
            slope: self.slope.as_deref().map(per_channel).transpose()?,
        })
    }
}

/// A valid convolution of stride 1 with bias, then PReLU and max pooling where it was built with them.
#[derive(Clone, Debug)]
pub(crate) struct Conv2d {
    weights: Weights,
    pool: Option<usize>,
}

#[derive(Clone, Debug)]
enum Weights {
    Packed(kernels::Conv2d),
    Tensors(Tensors),
}

impl Conv2d {
    /// `[batch, height, width, in_channels]` to `[batch, height', width', out_channels]`.
    pub(crate) fn forward(&self, input: &Tensor) -> candle_core::Result<Tensor> {
        match &self.weights {
            Weights::Packed(conv) => input.contiguous()?.apply_op1_no_bwd(&Kernel {
                conv,
                pool: self.pool,
            }),
            Weights::Tensors(tensors) => tensors.forward(input, self.pool),
        }
    }
}

struct Kernel<'a> {
    conv: &'a kernels::Conv2d,
    pool: Option<usize>,
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
        let input = contiguous(storage, layout)?;
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
        let Some(result) = fitting else {
            bail!("conv2d cannot take an activation of {:?}", layout.shape())
        };
        let mut output = Vec::new();
        match self.pool {
            Some(pool) => self.conv.forward_max_pool(input, extent, pool, &mut output),
            None => self.conv.forward(input, extent, &mut output),
        }
        let shape = (
            result.batch,
            result.height,
            result.width,
            self.conv.out_channels(),
        );
        Ok((CpuStorage::F32(output), shape.into()))
    }
}

/// The same layer for candle's own operations.
#[derive(Clone, Debug)]
struct Tensors {
    weight: Tensor,        // [out_channels, in_channels, kernel, kernel]
    bias: Tensor,          // [1, out_channels, 1, 1]
    slope: Option<Tensor>, // [1, out_channels, 1, 1]
}

impl Tensors {
    fn forward(&self, input: &Tensor, pool: Option<usize>) -> candle_core::Result<Tensor> {
        let input = input.permute((0, 3, 1, 2))?.contiguous()?;
        let mut x = input
            .conv2d(&self.weight, 0, 1, 1, 1)?
            .broadcast_add(&self.bias)?;
        if let Some(slope) = &self.slope {
            let below = x.neg()?.relu()?.broadcast_mul(slope)?;
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

#[cfg(test)]
mod tests {
    use super::{Conv2d, Conv2dBuilder, Weights};
    use crate::layers::test_numbers as numbers;
    use candle_core::{Device, Result, Tensor};

    fn builder(channels: (usize, usize), kernel: usize, pool: Option<usize>) -> Conv2dBuilder {
        let (in_channels, out_channels) = channels;
        Conv2dBuilder {
            in_channels,
            out_channels,
            kernel,
            weight: numbers(in_channels * out_channels * kernel * kernel, 0.1),
            bias: numbers(out_channels, 0.2),
            slope: Some(numbers(out_channels, 0.3)),
            pool,
        }
    }

    /// What other devices run, on the one device every machine has.
    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let device = Device::Cpu;
        for (channels, kernel, pool, (height, width)) in [
            ((3, 10), 3, Some(2), (12, 13)),
            ((3, 10), 3, Some(2), (13, 18)),
            ((3, 28), 3, Some(3), (24, 24)),
            ((28, 48), 3, Some(3), (11, 12)),
            ((48, 64), 2, None, (4, 4)),
            ((64, 6), 1, None, (1, 1)),
        ] {
            let builder = builder(channels, kernel, pool);
            let packed = builder.clone().on(&device)?;
            let tensors = Conv2d {
                weights: Weights::Tensors(builder.tensors(&device)?),
                pool,
            };
            let shape = (2, height, width, channels.0);
            let input = Tensor::from_vec(
                numbers(2 * height * width * channels.0, 0.5),
                shape,
                &device,
            )?;
            let (a, b) = (packed.forward(&input)?, tensors.forward(&input)?);
            assert_eq!(a.dims(), b.dims());
            let largest = a.abs()?.max_all()?.to_scalar::<f32>()?;
            let difference = (a - b)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(difference <= 1e-5 * largest, "{difference} of {largest}");
        }
        Ok(())
    }

    #[test]
    fn an_activation_that_does_not_fit_is_an_error() -> Result<()> {
        let layer = builder((3, 4), 3, None).on(&Device::Cpu)?;
        for shape in [(1, 2, 9, 3), (1, 9, 9, 4)] {
            let input = Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu)?;
            let message = layer.forward(&input).unwrap_err().to_string();
            assert!(message.contains("conv2d cannot take"), "{message}");
        }
        Ok(())
    }

    #[test]
    fn a_view_is_read_where_it_lies() -> Result<()> {
        let layer = builder((3, 4), 2, None).on(&Device::Cpu)?;
        let whole = Tensor::from_vec(numbers(2 * 5 * 5 * 3, 0.7), (2, 5, 5, 3), &Device::Cpu)?;
        let both = layer.forward(&whole)?;
        let second = layer.forward(&whole.narrow(0, 1, 1)?)?;
        let expected: Vec<f32> = both.narrow(0, 1, 1)?.flatten_all()?.to_vec1()?;
        assert_eq!(second.flatten_all()?.to_vec1::<f32>()?, expected);
        Ok(())
    }
}

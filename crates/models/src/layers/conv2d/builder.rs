use std::borrow::Cow;

use kernels::{Conv2dWeights, Precision, Rectifier};
use weights::{CheckpointError, Scope};

use super::{Conv2d, Weights};
use crate::Placement;

/// A convolution being put together: its tensors, read from a checkpoint, and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Conv2dBuilder<'a> {
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) weight: Cow<'a, [f32]>, // [out_channels, in_channels, kernel, kernel]
    pub(super) bias: Vec<f32>,
    pub(super) rectifier: Owned,
    pub(super) pool: Option<usize>,
}

/// A rectifier with its slopes.
#[derive(Clone, Debug)]
pub(super) enum Owned {
    None,
    Relu,
    PRelu(Vec<f32>),
}

impl<'a> Conv2dBuilder<'a> {
    /// A square convolution of stride 1 without padding, as PyTorch's `Conv2d` stores it.
    pub(crate) fn load(
        scope: &Scope<'a>,
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
    ) -> Result<Self, CheckpointError> {
        let plain = Self::load_without_bias(scope, in_channels, out_channels, kernel)?;
        let bias = scope.f32("bias", &[out_channels])?;
        Ok(Self { bias, ..plain })
    }

    /// The same without a bias.
    pub(crate) fn load_without_bias(
        scope: &Scope<'a>,
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
    ) -> Result<Self, CheckpointError> {
        let weight = scope.f32_cow("weight", &[out_channels, in_channels, kernel, kernel])?;
        Ok(Self::new(in_channels, out_channels, kernel, weight))
    }

    fn new(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        weight: impl Into<Cow<'a, [f32]>>,
    ) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            stride: 1,
            padding: 0,
            weight: weight.into(),
            bias: vec![0.0; out_channels],
            rectifier: Owned::None,
            pool: None,
        }
    }

    /// A dense layer, which is a 1×1 convolution of a 1×1 image.
    pub(crate) fn load_dense(
        scope: &Scope<'a>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        Self::load_dense_over_map(scope, inputs, 1, outputs)
    }

    /// A dense layer that upstream applies to a whole `side`×`side` map, flattened as `[width, height, channels]`: a
    /// convolution whose kernel covers the map.
    pub(crate) fn load_dense_over_map(
        scope: &Scope<'a>,
        channels: usize,
        side: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        let inputs = channels * side * side;
        let stored = scope.f32_cow("weight", &[outputs, inputs])?;
        let mut weight = Vec::with_capacity(stored.len());
        for row in stored.chunks_exact(inputs) {
            for channel in 0..channels {
                for y in 0..side {
                    weight.extend((0..side).map(|x| row[(x * side + y) * channels + channel]));
                }
            }
        }
        let bias = scope.f32("bias", &[outputs])?;
        Ok(Self {
            bias,
            ..Self::new(channels, outputs, side, weight)
        })
    }

    /// A field every `stride` pixels, down and across.
    pub(crate) fn stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// With `padding` pixels of zeros around the image.
    pub(crate) fn padding(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }

    /// Followed by batch norm with fixed statistics, torchvision's `FrozenBatchNorm2d`. It costs nothing at run time: its
    /// factors are multiplied into the weights, here in f64 and rounded once.
    pub(crate) fn frozen_batch_norm(
        mut self,
        scope: &Scope<'_>,
        eps: f64,
    ) -> Result<Self, CheckpointError> {
        debug_assert!(matches!(self.rectifier, Owned::None));
        let read = |name| scope.f32(name, &[self.out_channels]);
        let (weight, bias) = (read("weight")?, read("bias")?);
        let (mean, variance) = (read("running_mean")?, read("running_var")?);
        let taps = self.in_channels * self.kernel * self.kernel;
        let kernels = self.weight.to_mut().chunks_exact_mut(taps);
        for (i, kernel) in kernels.enumerate() {
            let factor = f64::from(weight[i]) / (f64::from(variance[i]) + eps).sqrt();
            for number in kernel {
                *number = (f64::from(*number) * factor) as f32;
            }
            let centred = f64::from(self.bias[i]) - f64::from(mean[i]);
            self.bias[i] = (f64::from(bias[i]) + centred * factor) as f32;
        }
        Ok(self)
    }

    /// Followed by ReLU.
    pub(crate) fn relu(mut self) -> Self {
        self.rectifier = Owned::Relu;
        self
    }

    /// Followed by a PReLU with a slope for each channel.
    pub(crate) fn prelu(mut self, scope: &Scope<'_>) -> Result<Self, CheckpointError> {
        self.rectifier = Owned::PRelu(scope.f32("weight", &[self.out_channels])?);
        Ok(self)
    }

    /// Followed, after the PReLU, by the maximum over windows of `pool`×`pool` with stride 2, in `ceil_mode`.
    pub(crate) fn max_pool(mut self, pool: usize) -> Self {
        self.pool = Some(pool);
        self
    }

    /// One convolution that gives this one's channels and then `other`'s, for layers that read the same input. Both must
    /// have the same input channels, kernel, stride and padding, and nothing after them.
    pub(crate) fn beside(mut self, other: Self) -> Self {
        let sizes = |it: &Self| (it.in_channels, it.kernel, it.stride, it.padding);
        debug_assert!(sizes(&self) == sizes(&other));
        debug_assert!(matches!(
            (&self.rectifier, &other.rectifier),
            (Owned::None, Owned::None)
        ));
        self.out_channels += other.out_channels;
        self.weight.to_mut().extend_from_slice(&other.weight);
        self.bias.extend(other.bias);
        self
    }

    /// The layer, ready to run as `placement` says.
    pub(crate) fn on(self, placement: &Placement) -> Conv2d {
        debug_assert!(self.pool.is_none(), "pooling is done in pieces only");
        Conv2d {
            weights: self.pack(placement, placement.precision),
            in_pieces: false,
            pool: None,
        }
    }

    /// The layer for callers that cut their work into pieces, each for one thread. Multiplies f32 whatever `placement` says,
    /// and has no padding.
    pub(crate) fn for_pieces_on(self, placement: &Placement) -> Conv2d {
        debug_assert_eq!(self.padding, 0);
        Conv2d {
            weights: self.pack(placement, Precision::F32),
            in_pieces: true,
            pool: self.pool,
        }
    }

    fn pack(&self, placement: &Placement, precision: Precision) -> Weights {
        let weights = Conv2dWeights {
            out_channels: self.out_channels,
            in_channels: self.in_channels,
            kernel: (self.kernel, self.kernel),
            stride: self.stride,
            padding: self.padding,
            weight: &self.weight,
            bias: &self.bias,
            rectifier: match &self.rectifier {
                Owned::None => Rectifier::None,
                Owned::Relu => Rectifier::Relu,
                Owned::PRelu(slopes) => Rectifier::PRelu(slopes),
            },
        };
        Weights::Packed(Box::new(kernels::Conv2d::new(
            placement.isa,
            precision,
            &weights,
        )))
    }
}

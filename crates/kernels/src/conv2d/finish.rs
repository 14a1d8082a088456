//! What follows a convolution's sums.

#![expect(unsafe_code, reason = "vector loads")]

use super::{Conv2dWeights, Rectifier};
use crate::lanes::Lanes;

/// Bias, residual and rectifier, in that order.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    pub(super) channels: usize,
    /// Padded with zeros, as the slopes are.
    bias: Vec<f32>,
    rectifier: Padded,
}

#[derive(Clone, Debug)]
enum Padded {
    None,
    Relu,
    PRelu(Vec<f32>),
}

impl Finish {
    /// `padded_channels` is the number of output channels up to the next whole vector or panel.
    pub(super) fn new(weights: &Conv2dWeights<'_>, padded_channels: usize) -> Self {
        let padded = |values: &[f32]| {
            let mut padded = values.to_vec();
            padded.resize(padded_channels, 0.0);
            padded
        };
        Self {
            channels: weights.out_channels,
            bias: padded(weights.bias),
            rectifier: match weights.rectifier {
                Rectifier::None => Padded::None,
                Rectifier::Relu => Padded::Relu,
                Rectifier::PRelu(slopes) => Padded::PRelu(padded(slopes)),
            },
        }
    }

    /// The bias of a vector of channels from `channel` on.
    #[inline(always)]
    pub(super) fn bias<L: Lanes>(&self, lanes: L, channel: usize) -> L::Vector {
        let bias = &self.bias[channel..][..L::COUNT];
        // SAFETY: the slice was cut to a vector's length.
        unsafe { lanes.load(bias.as_ptr()) }
    }

    /// What the rectifier makes of a vector of channels from `channel` on.
    #[inline(always)]
    pub(super) fn rectify<L: Lanes>(
        &self,
        lanes: L,
        value: L::Vector,
        channel: usize,
    ) -> L::Vector {
        match &self.rectifier {
            Padded::None => value,
            Padded::Relu => lanes.at_least(value, lanes.splat(0.0)),
            Padded::PRelu(slopes) => {
                let slopes = &slopes[channel..][..L::COUNT];
                // SAFETY: the slice was cut to a vector's length.
                let slopes = unsafe { lanes.load(slopes.as_ptr()) };
                lanes.where_positive(value, lanes.mul(value, slopes))
            }
        }
    }
}

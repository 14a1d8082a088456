mod builder;
#[cfg(test)]
mod tests;

use kernels::{Extent, Residual};

use super::{activation, extent};
use crate::tensor::Tensor;
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
}

impl Conv2d {
    /// `[batch, height, width, in_channels]` to `[batch, height', width', out_channels]`.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        let Weights::Packed(conv) = &self.weights;
        let (extent, output) = self.extents(input);
        let values = if self.in_pieces {
            let mut values = Vec::new();
            match self.pool {
                Some(pool) => conv.append_max_pool(input.values(), extent, pool, &mut values),
                None => conv.append(input.values(), extent, &mut values),
            }
            values
        } else {
            conv.forward(input.values(), extent, None)
        };
        activation(values, output, conv.out_channels())
    }

    /// The same with `residual` added before the rectifier. It has the output's batch and channels; its height and width are
    /// brought to the output's as PyTorch's `interpolate(mode="nearest")` does it.
    pub(crate) fn forward_residual(&self, input: &Tensor, residual: &Tensor) -> Tensor {
        debug_assert!(!self.in_pieces);
        let Weights::Packed(conv) = &self.weights;
        let (extent, output) = self.extents(input);
        let (own, channels) = super::extent(residual);
        assert!(
            (own.batch, channels) == (output.batch, conv.out_channels()),
            "a residual of {residual:?} for an answer of {output:?} and {} channels",
            conv.out_channels()
        );
        let residual = Residual {
            values: residual.values(),
            extent: own,
        };
        let values = conv.forward(input.values(), extent, Some(residual));
        activation(values, output, channels)
    }

    /// Of an input, and of the answer to it.
    fn extents(&self, input: &Tensor) -> (Extent, Extent) {
        let Weights::Packed(conv) = &self.weights;
        let (extent, channels) = extent(input);
        let output = match self.pool {
            _ if channels != conv.in_channels() => None,
            Some(pool) => conv.pooled_extent(extent, pool),
            None => conv.output_extent(extent),
        };
        let output = output.unwrap_or_else(|| {
            let channels = conv.in_channels();
            panic!("a convolution of {channels} channels cannot take {input:?}")
        });
        (extent, output)
    }
}

use kernels::{Isa, MaxPool2d};

use super::{activation, extent};
use crate::tensor::Tensor;

/// The maximum over windows of `[batch, height, width, channels]`, as PyTorch's `max_pool2d`.
pub(crate) fn max_pool(
    isa: Isa,
    x: &Tensor,
    window: usize,
    stride: usize,
    padding: usize,
) -> Tensor {
    let pool = MaxPool2d {
        window,
        stride,
        padding,
    };
    let (extent, channels) = extent(x);
    let output = pool.output_extent(extent);
    let output = output.unwrap_or_else(|| panic!("windows of {pool:?} in {x:?}"));
    let values = pool.forward(isa, x.values(), extent, channels);
    activation(values, output, channels)
}

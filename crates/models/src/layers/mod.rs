//! Where names meet numbers, and the one place where precision decides, and where the numbers lie: layers take tensors to
//! `kernels`. Each holds its weights in an enum of the places where they can lie. Images are NHWC, `[batch, height, width,
//! channels]`, and sequences `[batch, tokens, width]`.
//!
//! An activation of a shape that a layer cannot take is a bug, and panics.

mod attention;
mod conv2d;
mod fixed_key_values;
mod key_values;
mod layer_norm;
mod linear;
mod max_pool;
mod patch_embedding;
mod roi_align;

use kernels::Extent;

pub(crate) use attention::Attention;
pub(crate) use conv2d::{Conv2d, Conv2dBuilder};
pub(crate) use fixed_key_values::FixedKeyValues;
pub(crate) use key_values::KeyValues;
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::{Linear, LinearBuilder};
pub(crate) use max_pool::max_pool;
pub(crate) use patch_embedding::PatchEmbedding;
pub(crate) use roi_align::roi_align;

use crate::tensor::Tensor;

/// The extent of `[batch, height, width, channels]`, and its channels.
fn extent(x: &Tensor) -> (Extent, usize) {
    let [batch, height, width, channels] = x.dims();
    let extent = Extent {
        batch,
        height,
        width,
    };
    (extent, channels)
}

/// `values` as `[batch, height, width, channels]`.
fn activation(values: Vec<f32>, extent: Extent, channels: usize) -> Tensor {
    let Extent {
        batch,
        height,
        width,
    } = extent;
    Tensor::new(values, &[batch, height, width, channels])
}

#[cfg(test)]
fn test_numbers(shape: &[usize], seed: f32) -> Tensor {
    let count: usize = shape.iter().product();
    let number = |i: usize| ((i as f32 + seed) * 12.9898).sin();
    Tensor::new((0..count).map(number).collect(), shape)
}

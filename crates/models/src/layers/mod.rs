//! Where names meet numbers, and the one place where device and precision decide: on a CPU layers run this project's
//! kernels, elsewhere candle's own operations. Images are NHWC, `[batch, height, width, channels]`, and sequences
//! `[batch, tokens, width]`, on every device.

mod attention;
mod conv2d;
mod layer_norm;
mod linear;
mod patch_embedding;

use candle_core::{CpuStorage, Device, Layout, bail};

pub(crate) use attention::Attention;
pub(crate) use conv2d::{Conv2d, Conv2dBuilder};
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::{Linear, LinearBuilder};
pub(crate) use patch_embedding::PatchEmbedding;

/// Whether work is best cut into pieces that fit a core's cache and spread over the current thread pool, or handed to
/// the device whole.
pub(crate) fn prefers_pieces(device: &Device) -> bool {
    device.is_cpu()
}

/// The numbers of a contiguous activation on the processor.
fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!(
            "an activation of {:?} that is not contiguous",
            layout.shape()
        ),
    }
}

#[cfg(test)]
fn test_numbers(count: usize, seed: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f32 + seed) * 12.9898).sin())
        .collect()
}

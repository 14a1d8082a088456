//! Where names meet numbers, and the one place where device and precision decide: on a CPU layers run this project's
//! kernels, elsewhere candle's own operations. Images are NHWC, `[batch, height, width, channels]`, and sequences
//! `[batch, tokens, width]`, on every device.

mod attention;
mod conv2d;
mod fixed_key_values;
mod key_values;
mod layer_norm;
mod linear;
mod max_pool;
mod patch_embedding;

use candle_core::{CpuStorage, DType, Device, Layout, Storage, Tensor, bail};
use kernels::Precision;

pub(crate) use attention::Attention;
pub(crate) use conv2d::{Conv2d, Conv2dBuilder};
pub(crate) use fixed_key_values::FixedKeyValues;
pub(crate) use key_values::KeyValues;
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::{Linear, LinearBuilder};
pub(crate) use max_pool::max_pool;
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

/// Calls `work` with the numbers of a contiguous activation that is a tensor on the processor.
fn with_numbers<T>(x: &Tensor, work: impl FnOnce(&[f32]) -> T) -> candle_core::Result<T> {
    match &*x.storage_and_layout().0 {
        Storage::Cpu(storage) => Ok(work(contiguous(storage, x.layout())?)),
        _ => bail!("an activation on {:?}, not the processor", x.device()),
    }
}

/// The operand of a product as `precision` has it. Products of two bfloat16 are exact in f32, so that an f32 product
/// of rounded operands is a bf16 product with f32 accumulation.
fn round(x: &Tensor, precision: Precision) -> candle_core::Result<Tensor> {
    match precision {
        Precision::F32 => Ok(x.clone()),
        Precision::Bf16 => x.to_dtype(DType::BF16)?.to_dtype(DType::F32),
    }
}

#[cfg(test)]
fn test_numbers(count: usize, seed: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f32 + seed) * 12.9898).sin())
        .collect()
}

//! Where names meet numbers, and the one place where the device decides: on a CPU layers run this project's kernels,
//! elsewhere candle's own operations. Activations are NHWC, `[batch, height, width, channels]`, on every device.

mod conv2d;

use candle_core::Device;

pub(crate) use conv2d::{Conv2d, Conv2dBuilder};

/// Whether work is best cut into pieces that fit a core's cache and spread over the current thread pool, or handed to
/// the device whole.
pub(crate) fn prefers_pieces(device: &Device) -> bool {
    device.is_cpu()
}

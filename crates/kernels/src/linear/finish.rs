//! From a tile's sums to the layer's output.

#![expect(unsafe_code, reason = "vector loads and stores")]

use std::ops::Range;

use super::Linear;
use crate::Precision;
use crate::activation::{Activation, Gelu, Identity, Pointwise, QuickGelu, Relu, RoughGelu};
use crate::destination::Destination;
use crate::lanes::Lanes;
use crate::micro_kernel::Sums;
use crate::product::VECTORS;

/// Which tile it is.
pub(super) struct Finish<'a> {
    pub(super) layer: &'a Linear,
    pub(super) residual: Option<&'a [f32]>,
    pub(super) rows: Range<usize>,
    pub(super) panel: usize,
    /// Whether the output has no sums of earlier chunks of the depth yet.
    pub(super) is_first: bool,
    /// Whether the sums are whole now, and bias, activation and residual follow.
    pub(super) is_last: bool,
}

/// Adds a tile's sums to those of earlier chunks in `to`, and after the last chunk does what follows the product.
///
/// # Safety
/// `to` must be the layer's output, in which no one else reads or writes this tile; if it is not the first, the tile must
/// have been written.
#[inline(always)]
pub(super) unsafe fn finish<L: Lanes>(lanes: L, tile: &Finish<'_>, sums: &Sums, to: Destination) {
    // The choice is made outside the loop over the tile.
    // SAFETY: as the caller promises.
    unsafe {
        match tile.layer.activation.filter(|_| tile.is_last) {
            None => finish_with::<L, Identity>(lanes, tile, sums, to),
            Some(Activation::Relu) => finish_with::<L, Relu>(lanes, tile, sums, to),
            Some(Activation::QuickGelu) => finish_with::<L, QuickGelu>(lanes, tile, sums, to),
            Some(Activation::Gelu) => match tile.layer.precision {
                Precision::F32 => finish_with::<L, Gelu>(lanes, tile, sums, to),
                Precision::Bf16 => finish_with::<L, RoughGelu>(lanes, tile, sums, to),
            },
        }
    }
}

/// # Safety
/// As for [`finish`].
#[inline(always)]
unsafe fn finish_with<L: Lanes, A: Pointwise>(
    lanes: L,
    tile: &Finish<'_>,
    sums: &Sums,
    to: Destination,
) {
    let columns = VECTORS * L::COUNT;
    let outputs = tile.layer.outputs();
    for v in 0..VECTORS {
        let column = tile.panel * columns + v * L::COUNT;
        let used = L::COUNT.min(outputs.saturating_sub(column));
        if used == 0 {
            continue;
        }
        // SAFETY: the bias is padded to whole panels.
        let bias = unsafe { lanes.load(tile.layer.bias[column..][..L::COUNT].as_ptr()) };
        for (r, row) in tile.rows.clone().enumerate() {
            let at = row * outputs + column;
            // SAFETY: `sums` has room for the largest tile; `used` elements at `at` are inside the output and, as the
            // caller promises, this task's alone; the residual has the output's length.
            unsafe {
                let mut value = lanes.load(sums.0.as_ptr().add(r * columns + v * L::COUNT));
                if !tile.is_first {
                    value = lanes.add(value, lanes.load_up_to(to.at(at), used));
                }
                if tile.is_last {
                    value = A::apply(lanes, lanes.add(value, bias));
                    if let Some(residual) = tile.residual {
                        value = lanes.add(value, lanes.load_up_to(residual.as_ptr().add(at), used));
                    }
                }
                if tile.is_last {
                    to.store_up_to(lanes, at, value, used);
                } else {
                    lanes.store_up_to(to.at(at), value, used);
                }
            }
        }
    }
}

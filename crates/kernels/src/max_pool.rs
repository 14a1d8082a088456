#![expect(unsafe_code, reason = "vector loads and stores, and instruction sets")]

use crate::Isa;
use crate::isa::Kind;
use crate::lanes::Lanes;
use crate::lanes::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::lanes::{avx2::Avx2, avx512::Avx512};

/// Length of an axis of `length` after pooling by `pool` (2 or 3) with stride 2, the last window hanging over if need be
/// (PyTorch's `ceil_mode`). `None` where PyTorch would not pool either.
pub(crate) fn pooled_size(length: usize, pool: usize) -> Option<usize> {
    let beyond = (length + 1).checked_sub(pool)?;
    (length > 0).then_some(beyond / 2 + 1)
}

/// Rows to be pooled into one.
pub(crate) struct Window<'a> {
    /// One to three whole rows, `[rows, width, stride]`.
    pub(crate) rows: &'a [f32],
    /// Pixels in a row.
    pub(crate) width: usize,
    /// Values from one pixel to the next: its channels, padded to whole vectors.
    pub(crate) stride: usize,
    /// Columns of a window, 2 or 3.
    pub(crate) pool: usize,
}

/// Takes the maximum over windows with stride 2 into `out`, `[width', channels]`. NaN wins, as in PyTorch.
pub(crate) fn pool_rows(isa: Isa, window: &Window<'_>, out: &mut [f32], channels: usize) {
    let Window {
        rows,
        width,
        stride,
        pool,
    } = *window;
    let row_len = width * stride;
    assert!(channels <= stride && row_len > 0 && !rows.is_empty());
    assert!(rows.len().is_multiple_of(row_len) && (pool == 2 || pool == 3));
    assert!(pooled_size(width, pool).is_some_and(|w| out.len() == w * channels));
    match isa.kind() {
        // SAFETY: the lengths were checked above; a value of this kind exists only where the processor has the
        // instructions.
        Kind::Portable => unsafe { run(Portable, window, out, channels) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx2 => unsafe { run_avx2(window, out, channels) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx512 | Kind::Avx512Bf16 => unsafe { run_avx512(window, out, channels) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2(window: &Window<'_>, out: &mut [f32], channels: usize) {
    // SAFETY: this function is only called where AVX2 and FMA are there; the lengths are the caller's promise.
    unsafe { run(Avx2::new(), window, out, channels) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn run_avx512(window: &Window<'_>, out: &mut [f32], channels: usize) {
    // SAFETY: this function is only called where AVX-512 F is there; the lengths are the caller's promise.
    unsafe { run(Avx512::new(), window, out, channels) }
}

/// # Safety
/// The lengths must be as [`pool_rows`] checks them.
#[inline(always)]
unsafe fn run<L: Lanes>(lanes: L, window: &Window<'_>, out: &mut [f32], channels: usize) {
    assert!(channels.next_multiple_of(L::COUNT) <= window.stride);
    // SAFETY: as the caller promises, and whole vectors do not reach into the next pixel.
    unsafe {
        if window.pool == 2 {
            run_pool::<L, 2>(lanes, window, out, channels);
        } else {
            run_pool::<L, 3>(lanes, window, out, channels);
        }
    }
}

/// # Safety
/// As [`run`], with `POOL` the window's columns and whole vectors of channels within a pixel's stride.
#[inline(always)]
unsafe fn run_pool<L: Lanes, const POOL: usize>(
    lanes: L,
    window: &Window<'_>,
    out: &mut [f32],
    channels: usize,
) {
    let Window {
        rows,
        width,
        stride,
        ..
    } = *window;
    let row_len = width * stride;
    for (x, out) in out.chunks_exact_mut(channels.max(1)).enumerate() {
        // In a window that hangs over, the last column stands for those that are not there.
        let mut columns = [0; POOL];
        for (i, column) in columns.iter_mut().enumerate() {
            *column = (2 * x + i).min(width - 1) * stride;
        }
        for channel in (0..channels).step_by(L::COUNT) {
            // SAFETY: the columns are inside a row, and the vector ends at or before the next pixel.
            unsafe {
                let mut largest = lanes.load(rows.as_ptr().add(columns[0] + channel));
                for row in rows.chunks_exact(row_len) {
                    for column in columns {
                        let value = lanes.load(row.as_ptr().add(column + channel));
                        largest = lanes.max(value, largest);
                    }
                }
                let to = out.as_mut_ptr().add(channel);
                lanes.store_up_to(to, largest, channels - channel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pooled_size;

    #[test]
    fn the_last_window_may_hang_over() {
        assert_eq!(pooled_size(1, 2), Some(1));
        assert_eq!(pooled_size(306, 2), Some(153));
        assert_eq!(pooled_size(307, 2), Some(154));
        assert_eq!(pooled_size(22, 3), Some(11));
        assert_eq!(pooled_size(9, 3), Some(4));
        assert_eq!(pooled_size(46, 3), Some(23));
        assert_eq!(pooled_size(1, 3), None);
        assert_eq!(pooled_size(0, 2), None);
    }
}

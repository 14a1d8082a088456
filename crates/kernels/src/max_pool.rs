#![expect(unsafe_code, reason = "vector loads and stores")]

use crate::Isa;
use crate::lanes::Lanes;
use crate::product::WithLanes;

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
    isa.with_lanes(Pool {
        window,
        out,
        channels,
    });
}

/// The lengths are as [`pool_rows`] checks them.
struct Pool<'a> {
    window: &'a Window<'a>,
    out: &'a mut [f32],
    channels: usize,
}

impl WithLanes for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        assert!(self.channels.next_multiple_of(L::COUNT) <= self.window.stride);
        // SAFETY: the lengths were checked, and whole vectors do not reach into the next pixel.
        unsafe {
            if self.window.pool == 2 {
                run_pool::<L, 2>(lanes, self.window, self.out, self.channels);
            } else {
                run_pool::<L, 3>(lanes, self.window, self.out, self.channels);
            }
        }
    }
}

/// # Safety
/// The lengths must be as [`pool_rows`] checks them, with `POOL` the window's columns and whole vectors of channels within a pixel's stride.
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

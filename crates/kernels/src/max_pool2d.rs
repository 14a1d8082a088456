//! Max pooling of whole activations.

#![expect(unsafe_code, reason = "vector loads and stores")]

use rayon::prelude::*;

use crate::buffer::{Shared, written};
use crate::lanes::Lanes;
use crate::product::WithLanes;
use crate::{Extent, Isa};

/// The maximum over windows, as PyTorch's `MaxPool2d` without `ceil_mode`.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    /// Rows and columns of a window, at least 1.
    pub window: usize,
    /// Pixels from one window to the next, at least 1.
    pub stride: usize,
    /// Pixels around the image that belong to windows but never win; fewer than a window has.
    pub padding: usize,
}

impl MaxPool2d {
    /// Extent of the output; `None` where no window fits.
    #[must_use]
    pub fn output_extent(&self, input: Extent) -> Option<Extent> {
        let windows = |length: usize| {
            let beyond = (length + 2 * self.padding).checked_sub(self.window)?;
            (length > 0).then_some(beyond / self.stride + 1)
        };
        Some(Extent {
            height: windows(input.height)?,
            width: windows(input.width)?,
            ..input
        })
    }

    /// Pools `input`, `[batch, height, width, channels]`, to `[batch, height', width', channels]`. NaN wins.
    ///
    /// Splits the work over the threads of the rayon pool that it is called in.
    ///
    /// # Panics
    /// When a size is 0, the padding is as large as the window, no window fits, or `input` has another length.
    #[must_use]
    pub fn forward(&self, isa: Isa, input: &[f32], extent: Extent, channels: usize) -> Vec<f32> {
        assert!(self.window > self.padding && self.stride > 0 && channels > 0);
        assert_eq!(input.len(), extent.pixels() * channels, "input length");
        let output = self
            .output_extent(extent)
            .expect("no window fits into the image");
        let row_len = output.width * channels;
        let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
            let to = Shared::new(to.as_mut_ptr().cast::<f32>());
            (0..output.batch * output.height)
                .into_par_iter()
                .for_each(|row| {
                    isa.with_lanes(Row {
                        pool: *self,
                        input,
                        extent,
                        channels,
                        image: row / output.height,
                        y: row % output.height,
                        width: output.width,
                        to: to.at(row * row_len),
                    });
                });
        };
        // SAFETY: every row of every image is written.
        unsafe { written(output.pixels() * channels, write) }
    }
}

/// One row of the output.
struct Row<'a> {
    pool: MaxPool2d,
    input: &'a [f32],
    extent: Extent,
    channels: usize,
    image: usize,
    y: usize,
    width: usize,
    to: *mut f32,
}

impl WithLanes for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self {
            pool,
            input,
            extent,
            channels,
            image,
            ..
        } = self;
        // What lies outside the image never wins: a window is cut to the image, and some of it always lies inside.
        let inside = |index: usize, length: usize| {
            let start = index * pool.stride;
            let end = (start + pool.window - pool.padding).min(length);
            start.saturating_sub(pool.padding)..end
        };
        for x in 0..self.width {
            let (rows, columns) = (inside(self.y, extent.height), inside(x, extent.width));
            for channel in (0..channels).step_by(L::COUNT) {
                let count = L::COUNT.min(channels - channel);
                let mut largest = lanes.splat(f32::NEG_INFINITY);
                for y in rows.clone() {
                    for x in columns.clone() {
                        let pixel = (image * extent.height + y) * extent.width + x;
                        let values = &input[pixel * channels + channel..][..count];
                        // SAFETY: the slice was cut to the number of values that are read.
                        let value = unsafe { lanes.load_up_to(values.as_ptr(), count) };
                        largest = lanes.max(value, largest);
                    }
                }
                let to = self.to.wrapping_add(x * channels + channel);
                // SAFETY: the row has room for its pixels, and is this task's alone.
                unsafe { lanes.store_up_to(to, largest, count) };
            }
        }
    }
}

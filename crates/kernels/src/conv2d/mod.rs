//! Small two-dimensional convolutions: valid, stride 1, few channels, the kind that detectors of the MTCNN family stack.

mod packing;
mod tile;

use crate::max_pool::{Window, pool_rows, pooled_size};
use crate::{Extent, Isa};
use packing::Packed;
use tile::Geometry;

/// What a convolution is made of, in PyTorch's order.
#[derive(Clone, Copy, Debug)]
pub struct Conv2dWeights<'a> {
    /// Output channels, at least 1.
    pub out_channels: usize,
    /// Input channels, at least 1.
    pub in_channels: usize,
    /// Rows and columns of the kernel, each at least 1.
    pub kernel: (usize, usize),
    /// `[out_channels, in_channels, rows, columns]`.
    pub weight: &'a [f32],
    /// `[out_channels]`.
    pub bias: &'a [f32],
    /// `[out_channels]`: the slope below zero of a PReLU that follows, if one does.
    pub slope: Option<&'a [f32]>,
}

/// A valid (unpadded) convolution of stride 1 with bias and, if it has slopes, PReLU.
#[derive(Clone, Debug)]
pub struct Conv2d {
    isa: Isa,
    in_channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
    packed: Packed,
}

impl Conv2d {
    /// Packs the weights for `isa`.
    ///
    /// # Panics
    /// When a size is 0 or a slice does not have the length that the sizes ask for.
    #[must_use]
    pub fn new(isa: Isa, weights: &Conv2dWeights<'_>) -> Self {
        let Conv2dWeights {
            out_channels,
            in_channels,
            kernel,
            ..
        } = *weights;
        Self {
            isa,
            in_channels,
            out_channels,
            kernel,
            packed: Packed::new(isa, weights),
        }
    }

    /// Input channels.
    #[must_use]
    pub fn in_channels(&self) -> usize {
        self.in_channels
    }

    /// Output channels.
    #[must_use]
    pub fn out_channels(&self) -> usize {
        self.out_channels
    }

    /// Extent of the output; `None` where the kernel does not fit into the image.
    #[must_use]
    pub fn output_extent(&self, input: Extent) -> Option<Extent> {
        let height = (input.height + 1)
            .checked_sub(self.kernel.0)
            .filter(|&n| n > 0)?;
        let width = (input.width + 1)
            .checked_sub(self.kernel.1)
            .filter(|&n| n > 0)?;
        Some(Extent {
            height,
            width,
            ..input
        })
    }

    /// Extent of the output of [`Conv2d::forward_max_pool`].
    #[must_use]
    pub fn pooled_extent(&self, input: Extent, pool: usize) -> Option<Extent> {
        let conv = self.output_extent(input)?;
        let height = pooled_size(conv.height, pool)?;
        let width = pooled_size(conv.width, pool)?;
        Some(Extent {
            height,
            width,
            ..input
        })
    }

    /// Convolves `input`, `[batch, height, width, in_channels]`, and appends the result,
    /// `[batch, height', width', out_channels]`, to `output`.
    ///
    /// # Panics
    /// When `input` does not have that length or the kernel does not fit (see [`Conv2d::output_extent`]).
    pub fn forward(&self, input: &[f32], extent: Extent, output: &mut Vec<f32>) {
        let geometry = self.geometry(input, extent);
        let pixels = geometry.output.pixels();
        let added = output.len();
        output.resize(added + pixels * self.out_channels, 0.0);
        self.run(
            &geometry,
            0,
            pixels,
            &mut output[added..],
            self.out_channels,
        );
    }

    /// Convolves as [`Conv2d::forward`] does, then takes the maximum over windows of `pool`×`pool` with stride 2, where
    /// the last window may hang over (PyTorch's `ceil_mode`). Only a few rows of the convolution exist at a time.
    ///
    /// # Panics
    /// As [`Conv2d::forward`], and when `pool` is neither 2 nor 3 or the convolution is too small to be pooled.
    pub fn forward_max_pool(
        &self,
        input: &[f32],
        extent: Extent,
        pool: usize,
        output: &mut Vec<f32>,
    ) {
        let geometry = self.geometry(input, extent);
        let conv = geometry.output;
        let pooled = self
            .pooled_extent(extent, pool)
            .expect("the convolution is too small to pool");
        let stride = self.packed.padded_channels();
        let row_len = conv.width * stride;
        let mut rows = vec![0.0; pool * row_len];
        let pooled_row_len = pooled.width * self.out_channels;
        let added = output.len();
        output.resize(added + pooled.pixels() * self.out_channels, 0.0);
        let mut results = output[added..].chunks_exact_mut(pooled_row_len.max(1));

        for image in 0..pooled.batch {
            for y in 0..pooled.height {
                // A 3-row window starts with the row that ended the one above.
                let kept = if y == 0 { 0 } else { pool - 2 };
                rows.copy_within((pool - kept) * row_len.., 0);
                let first = 2 * y + kept;
                let end = (2 * y + pool).min(conv.height);
                let pixel = (image * conv.height + first) * conv.width;
                let count = (end - first) * conv.width;
                self.run(&geometry, pixel, count, &mut rows[kept * row_len..], stride);
                let window = Window {
                    rows: &rows[..(end - 2 * y) * row_len],
                    width: conv.width,
                    stride,
                    pool,
                };
                if let Some(result) = results.next() {
                    pool_rows(self.isa, &window, result, self.out_channels);
                }
            }
        }
    }

    fn geometry<'a>(&self, input: &'a [f32], extent: Extent) -> Geometry<'a> {
        assert_eq!(
            input.len(),
            extent.pixels() * self.in_channels,
            "input length of {extent:?}"
        );
        let output = self
            .output_extent(extent)
            .expect("the kernel does not fit into the image");
        Geometry {
            input,
            extent,
            output,
            in_channels: self.in_channels,
            kernel: self.kernel,
        }
    }

    fn run(
        &self,
        geometry: &Geometry<'_>,
        first: usize,
        count: usize,
        out: &mut [f32],
        stride: usize,
    ) {
        tile::run(
            self.isa,
            &self.packed,
            geometry,
            first..first + count,
            out,
            stride,
        );
    }
}

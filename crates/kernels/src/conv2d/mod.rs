//! Two-dimensional convolutions.
//!
//! Most are matrix products of the fields of the output pixels, read where they lie (`direct`). Those of 3×3 with stride
//! 1 and many channels are computed with a quarter of the multiplications (`winograd`).

#![expect(unsafe_code, reason = "output that is written in parallel")]

mod direct;
mod finish;
mod packing;
mod residual;
mod staging;
mod winograd;

use crate::buffer::written;
use crate::destination::Destination;
use crate::max_pool::{Window, pool_rows, pooled_size};
use crate::{Extent, Isa, Precision};
use direct::{Direct, Images};
use residual::Placed;
pub use residual::Residual;
use winograd::Winograd;

/// What a convolution is made of, in PyTorch's order.
#[derive(Clone, Copy, Debug)]
pub struct Conv2dWeights<'a> {
    /// Output channels, at least 1.
    pub out_channels: usize,
    /// Input channels, at least 1.
    pub in_channels: usize,
    /// Rows and columns of the kernel, each at least 1.
    pub kernel: (usize, usize),
    /// Pixels from one field to the next, down and across, at least 1.
    pub stride: usize,
    /// Pixels of zeros around the image, fewer than the kernel has.
    pub padding: usize,
    /// `[out_channels, in_channels, rows, columns]`.
    pub weight: &'a [f32],
    /// `[out_channels]`.
    pub bias: &'a [f32],
    /// What follows.
    pub rectifier: Rectifier<'a>,
}

/// What is done with numbers below zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rectifier<'a> {
    /// They are left alone.
    None,
    /// They become zero.
    Relu,
    /// They are multiplied by a slope for each channel, `[out_channels]`.
    PRelu(&'a [f32]),
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
struct Shape {
    in_channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
    stride: usize,
    padding: usize,
}

impl Conv2dWeights<'_> {
    fn shape(&self) -> Shape {
        Shape {
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
        }
    }
}

/// A convolution with bias, residual and rectifier.
#[derive(Clone, Debug)]
pub struct Conv2d {
    isa: Isa,
    shape: Shape,
    method: Method,
}

#[derive(Clone, Debug)]
enum Method {
    Direct(Direct),
    Winograd(Winograd),
}

impl Conv2d {
    /// Packs the weights for `isa`. Sums are `f32` whatever the precision of the products.
    ///
    /// # Panics
    /// When a size is 0, the padding is as large as the kernel, or a slice does not have the length that the sizes ask for.
    #[must_use]
    pub fn new(isa: Isa, precision: Precision, weights: &Conv2dWeights<'_>) -> Self {
        let shape = weights.shape();
        let (rows, columns) = shape.kernel;
        let taps = shape.in_channels * rows * columns;
        assert!(
            shape.out_channels * taps * shape.stride > 0,
            "a convolution of nothing"
        );
        assert!(
            shape.padding < rows.min(columns),
            "padding {} around a kernel of {rows}x{columns}",
            shape.padding
        );
        let outputs = shape.out_channels;
        assert_eq!(weights.weight.len(), outputs * taps, "weight length");
        assert_eq!(weights.bias.len(), outputs, "bias length");
        if let Rectifier::PRelu(slopes) = weights.rectifier {
            assert_eq!(slopes.len(), outputs, "slope length");
        }
        let method = if Winograd::suits(isa, &shape) {
            Method::Winograd(Winograd::new(isa, precision, weights))
        } else {
            Method::Direct(Direct::new(isa, precision, weights))
        };
        Self { isa, shape, method }
    }

    /// Input channels.
    #[must_use]
    pub fn in_channels(&self) -> usize {
        self.shape.in_channels
    }

    /// Output channels.
    #[must_use]
    pub fn out_channels(&self) -> usize {
        self.shape.out_channels
    }

    /// Extent of the output; `None` where the kernel does not fit into the image and its border.
    #[must_use]
    pub fn output_extent(&self, input: Extent) -> Option<Extent> {
        let Shape {
            kernel,
            stride,
            padding,
            ..
        } = self.shape;
        let fields = |length: usize, kernel: usize| {
            let beyond = (length + 2 * padding).checked_sub(kernel)?;
            (length > 0).then_some(beyond / stride + 1)
        };
        Some(Extent {
            height: fields(input.height, kernel.0)?,
            width: fields(input.width, kernel.1)?,
            ..input
        })
    }

    /// Extent of the output of [`Conv2d::append_max_pool`].
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

    /// Convolves `input`, `[batch, height, width, in_channels]`, to `[batch, height', width', out_channels]`, and adds
    /// `residual` before the rectifier.
    ///
    /// Splits the work over the threads of the rayon pool that it is called in.
    ///
    /// # Panics
    /// When `input` or `residual` does not have its length or the kernel does not fit (see [`Conv2d::output_extent`]).
    #[must_use]
    pub fn forward(
        &self,
        input: &[f32],
        extent: Extent,
        residual: Option<Residual<'_>>,
    ) -> Vec<f32> {
        let mut images = self.images(input, extent);
        let channels = self.shape.out_channels;
        images.residual = residual.map(|residual| Placed::new(residual, images.output, channels));
        let length = images.output.pixels() * channels;
        let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
            let to = Destination::of(to, channels);
            // SAFETY: `to` has the output's length, and no one else has it.
            unsafe {
                match &self.method {
                    Method::Direct(direct) => direct.run(&images, to),
                    Method::Winograd(winograd) => winograd.run(&images, to),
                }
            }
        };
        // SAFETY: both methods write all of the output.
        unsafe { written(length, write) }
    }

    /// Convolves on this thread alone, for callers that split the work themselves, and appends the result to `output`.
    /// The convolution must have no padding and multiply `f32`.
    ///
    /// # Panics
    /// As [`Conv2d::forward`].
    pub fn append(&self, input: &[f32], extent: Extent, output: &mut Vec<f32>) {
        let images = self.images(input, extent);
        let (pixels, channels) = (images.output.pixels(), self.shape.out_channels);
        let added = output.len();
        output.resize(added + pixels * channels, 0.0);
        self.run_rows(&images, 0..pixels, &mut output[added..], channels);
    }

    /// Convolves as [`Conv2d::append`] does, then takes the maximum over windows of `pool`×`pool` with stride 2, where
    /// the last window may hang over (PyTorch's `ceil_mode`). Only a few rows of the convolution exist at a time.
    ///
    /// # Panics
    /// As [`Conv2d::append`], and when `pool` is neither 2 nor 3 or the convolution is too small to be pooled.
    pub fn append_max_pool(
        &self,
        input: &[f32],
        extent: Extent,
        pool: usize,
        output: &mut Vec<f32>,
    ) {
        let images = self.images(input, extent);
        let conv = images.output;
        let pooled = self
            .pooled_extent(extent, pool)
            .expect("the convolution is too small to pool");
        let channels = self.shape.out_channels;
        let stride = self.serial().padded_channels();
        let row_len = conv.width * stride;
        let mut rows = vec![0.0; pool * row_len];
        let pooled_row_len = pooled.width * channels;
        let added = output.len();
        output.resize(added + pooled.pixels() * channels, 0.0);
        let mut results = output[added..].chunks_exact_mut(pooled_row_len.max(1));

        for image in 0..pooled.batch {
            for y in 0..pooled.height {
                // A 3-row window starts with the row that ended the one above.
                let kept = if y == 0 { 0 } else { pool - 2 };
                rows.copy_within((pool - kept) * row_len.., 0);
                let first = 2 * y + kept;
                let end = (2 * y + pool).min(conv.height);
                let pixel = (image * conv.height + first) * conv.width;
                let pixels = pixel..pixel + (end - first) * conv.width;
                self.run_rows(&images, pixels, &mut rows[kept * row_len..], stride);
                let window = Window {
                    rows: &rows[..(end - 2 * y) * row_len],
                    width: conv.width,
                    stride,
                    pool,
                };
                if let Some(result) = results.next() {
                    pool_rows(self.isa, &window, result, channels);
                }
            }
        }
    }
}

impl Conv2d {
    fn images<'a>(&self, input: &'a [f32], extent: Extent) -> Images<'a> {
        assert_eq!(
            input.len(),
            extent.pixels() * self.shape.in_channels,
            "input length of {extent:?}"
        );
        let output = self
            .output_extent(extent)
            .expect("the kernel does not fit into the image");
        Images {
            input,
            extent,
            output,
            residual: None,
        }
    }

    /// The method, for work on one thread.
    fn serial(&self) -> &Direct {
        match &self.method {
            Method::Direct(direct) if !direct.stages() => direct,
            _ => panic!("a convolution with padding or of bf16 is not for one thread"),
        }
    }

    fn run_rows(
        &self,
        images: &Images<'_>,
        pixels: std::ops::Range<usize>,
        out: &mut [f32],
        stride: usize,
    ) {
        let direct = self.serial();
        assert!(pixels.end <= images.output.pixels() && pixels.len() * stride <= out.len());
        assert!(stride >= self.shape.out_channels && stride <= direct.padded_channels());
        // SAFETY: `out` has room for the pixels, as was just checked, and is borrowed here alone.
        unsafe {
            direct.run_on_this_thread(
                images,
                pixels,
                Destination::cached(out.as_mut_ptr()),
                stride,
            )
        }
    }
}

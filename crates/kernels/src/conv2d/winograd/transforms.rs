//! From pixels to values at the points, and from sums at the points to pixels: a vector of channels at a time.

#![expect(unsafe_code, reason = "vector loads and stores")]

use std::marker::PhantomData;

use super::tile::Tile;
use crate::Extent;
use crate::conv2d::Shape;
use crate::conv2d::direct::Images;
use crate::conv2d::finish::Finish;
use crate::destination::Destination;
use crate::lanes::Lanes;
use crate::product::Product;

pub(super) struct Transforms<'a, T, const IN: usize, const OUT: usize> {
    pub(super) images: &'a Images<'a>,
    pub(super) shape: &'a Shape,
    pub(super) finish: &'a Finish,
    /// Whether values are rounded to bf16, although the product multiplies `f32`.
    pub(super) rounds: bool,
    pub(super) size: PhantomData<T>,
}

impl<T: Tile<IN, OUT>, const IN: usize, const OUT: usize> Transforms<'_, T, IN, OUT> {
    /// Writes the values of the tile at `place` (image, row, column), a row of channels for each, `stride` words apart.
    /// `border` has room for the tile's pixels.
    #[inline(always)]
    pub(super) fn input<P: Product>(
        &self,
        product: P,
        place: (usize, usize, usize),
        values: &mut [u32],
        stride: usize,
        border: &mut [u32],
    ) {
        let Images { input, extent, .. } = *self.images;
        let Shape {
            in_channels,
            padding,
            ..
        } = *self.shape;
        let Extent { height, width, .. } = extent;
        let (image, row, column) = place;
        // Of the tile's first pixel, counted with the border.
        let (top, left) = (row * OUT, column * OUT);
        let inside = top >= padding
            && left >= padding
            && top - padding + IN <= height
            && left - padding + IN <= width;
        let (from, row_len) = if inside {
            let first = (image * height + top - padding) * width + left - padding;
            let last = first + (IN - 1) * (width + 1);
            let pixels = &input[first * in_channels..(last + 1) * in_channels];
            (pixels.as_ptr(), width * in_channels)
        } else {
            let pixel = IN * in_channels;
            assert!(border.len() >= IN * pixel);
            for (index, to) in border[..IN * pixel]
                .chunks_exact_mut(in_channels)
                .enumerate()
            {
                let y = (top + index / IN).checked_sub(padding);
                let x = (left + index % IN).checked_sub(padding);
                match (y.filter(|&y| y < height), x.filter(|&x| x < width)) {
                    (Some(y), Some(x)) => {
                        let from = ((image * height + y) * width + x) * in_channels;
                        let from = &input[from..][..in_channels];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = from.to_bits();
                        }
                    }
                    _ => to.fill(0),
                }
            }
            (border.as_ptr().cast::<f32>(), pixel)
        };
        assert!(in_channels.is_multiple_of(P::Lanes::COUNT));
        assert!(values.len() >= (IN * IN - 1) * stride + in_channels / P::TERMS);
        let to = values.as_mut_ptr();
        for channel in (0..in_channels).step_by(P::Lanes::COUNT) {
            // SAFETY: `from` has `IN` rows of `IN` pixels of whole vectors, `row_len` apart; `values` has room for so many
            // channels at every multiple of the stride.
            unsafe {
                let from = from.add(channel);
                let to = to.add(channel / P::TERMS);
                self.input_vector(product, from, row_len, to, stride);
            }
        }
    }

    /// # Safety
    /// `IN` by `IN` vectors must be readable from `from`, rows `row_len` and columns a pixel apart, and so many writable as
    /// words at `to`, `stride` apart.
    #[inline(always)]
    unsafe fn input_vector<P: Product>(
        &self,
        product: P,
        from: *const f32,
        row_len: usize,
        to: *mut u32,
        stride: usize,
    ) {
        let lanes = product.lanes();
        let mut columns = [[lanes.splat(0.0); IN]; IN];
        for (x, column) in columns.iter_mut().enumerate() {
            for (y, pixel) in column.iter_mut().enumerate() {
                // SAFETY: as the caller promises.
                *pixel = unsafe { lanes.load(from.add(y * row_len + x * self.shape.in_channels)) };
            }
            *column = T::input(lanes, *column);
        }
        for i in 0..IN {
            let mut row = [lanes.splat(0.0); IN];
            for (value, column) in row.iter_mut().zip(&columns) {
                *value = column[i];
            }
            for (j, value) in T::input(lanes, row).into_iter().enumerate() {
                let value = if self.rounds {
                    lanes.rounded_to_bf16(value)
                } else {
                    value
                };
                let to = to.wrapping_add((i * IN + j) * stride);
                // SAFETY: as the caller promises.
                unsafe { product.store_words(to, value) };
            }
        }
    }

    /// Makes the tile at `place` of its sums, a row of channels for each point, `stride` words apart.
    #[inline(always)]
    pub(super) fn output<L: Lanes>(
        &self,
        lanes: L,
        (image, row, column): (usize, usize, usize),
        sums: &[u32],
        stride: usize,
        to: Destination,
    ) {
        let Images {
            output,
            ref residual,
            ..
        } = *self.images;
        let channels = self.shape.out_channels;
        assert!(channels.is_multiple_of(L::COUNT));
        assert!(sums.len() >= (IN * IN - 1) * stride + channels);
        let (top, left) = (row * OUT, column * OUT);
        let (rows, columns) = (OUT.min(output.height - top), OUT.min(output.width - left));
        let first = (image * output.height + top) * output.width + left;
        for channel in (0..channels).step_by(L::COUNT) {
            let mut half = [[lanes.splat(0.0); IN]; OUT];
            for j in 0..IN {
                let mut points = [lanes.splat(0.0); IN];
                for (i, point) in points.iter_mut().enumerate() {
                    let at = sums.as_ptr().wrapping_add((i * IN + j) * stride + channel);
                    // SAFETY: the length was checked above.
                    *point = unsafe { lanes.load(at.cast()) };
                }
                for (half, value) in half.iter_mut().zip(T::output(lanes, points)) {
                    half[j] = value;
                }
            }
            let bias = self.finish.bias(lanes, channel);
            for (y, half) in half.iter().enumerate().take(rows) {
                let pixels = T::output(lanes, *half);
                for (x, pixel) in pixels.into_iter().enumerate().take(columns) {
                    let at = (first + y * output.width + x) * channels + channel;
                    let mut value = lanes.add(pixel, bias);
                    if let Some(residual) = residual {
                        let start = residual.start(image, top + y, left + x) + channel;
                        let residual = &residual.values[start..][..L::COUNT];
                        // SAFETY: the slice was cut to a vector's length.
                        value = lanes.add(value, unsafe { lanes.load(residual.as_ptr()) });
                    }
                    let value = self.finish.rectify(lanes, value, channel);
                    // SAFETY: the pixel lies inside the output and belongs to this tile alone.
                    unsafe { to.store_up_to(lanes, at, value, L::COUNT) };
                }
            }
        }
    }
}

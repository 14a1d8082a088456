//! Resampling by the mean of the pixels under each output pixel: PyTorch's `interpolate(mode="area")`, which is its
//! adaptive average pooling. Windows may overlap by one pixel, and an image smaller than the output repeats pixels.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "instruction sets")
)]

use std::ops::Range;

use crate::Isa;
use crate::isa::Kind;

/// The part of an image that is resampled, in pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Columns.
    pub x: Range<usize>,
    /// Rows.
    pub y: Range<usize>,
}

/// What becomes of each mean: `(mean - offset) * scale`, in that order and in `f32`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    /// Subtracted first.
    pub offset: f32,
    /// Multiplied last.
    pub scale: f32,
}

/// Resamples one region of an RGB image to one size.
#[derive(Clone, Debug)]
pub struct AreaResample<'a> {
    isa: Isa,
    pixels: &'a [u8],
    width: usize,
    region: Region,
    windows_x: Vec<Range<usize>>,
    height: usize,
    normalise: Normalise,
}

/// Above this many rows, sums of bytes no longer fit into 16 bits.
const ROWS_IN_16_BITS: usize = 257;

impl<'a> AreaResample<'a> {
    /// Resamples `region` of `pixels`, an image of `[height, width, 3]` bytes, to `size` (rows, columns).
    ///
    /// # Panics
    /// When the region is empty or leaves the image, when `size` has a 0, and when more than 2²³ pixels lie under one
    /// output pixel.
    #[must_use]
    pub fn new(
        isa: Isa,
        pixels: &'a [u8],
        width: usize,
        region: Region,
        size: (usize, usize),
        normalise: Normalise,
    ) -> Self {
        assert!(
            !region.x.is_empty() && !region.y.is_empty(),
            "an empty region: {region:?}"
        );
        assert!(
            region.x.end <= width && region.y.end * width * 3 <= pixels.len(),
            "{region:?}"
        );
        assert!(size.0 > 0 && size.1 > 0, "resampling to nothing");
        let most = (region.x.len() / size.1 + 2) * (region.y.len() / size.0 + 2);
        assert!(most <= 1 << 23, "{most} pixels under one");
        let windows_x = (0..size.1)
            .map(|i| window(i, region.x.len(), size.1))
            .collect();
        Self {
            isa,
            pixels,
            width,
            region,
            windows_x,
            height: size.0,
            normalise,
        }
    }

    /// Appends the output rows `rows`, each `[columns, 3]`, to `output`.
    ///
    /// # Panics
    /// When `rows` ends beyond the output's height.
    pub fn rows(&self, rows: Range<usize>, output: &mut Vec<f32>) {
        assert!(
            rows.end <= self.height,
            "row {} of {}",
            rows.end,
            self.height
        );
        match self.isa.kind() {
            Kind::Portable => self.resample(rows, output),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a value of these kinds exists only where the processor has AVX2 (every one with AVX-512 F has).
            Kind::Avx2 | Kind::Avx512 | Kind::Avx512Bf16 => unsafe {
                self.resample_avx2(rows, output)
            },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn resample_avx2(&self, rows: Range<usize>, output: &mut Vec<f32>) {
        self.resample(rows, output);
    }

    #[inline(always)]
    fn resample(&self, rows: Range<usize>, output: &mut Vec<f32>) {
        // One value more than the row, because pixels are read four values at a time.
        let row_len = self.region.x.len() * 3;
        let mut narrow = vec![0_u16; row_len + 1];
        let mut wide = Vec::new();
        let mut prefix = vec![[0_u32; 4]; self.region.x.len() + 1];
        let result_len = self.windows_x.len() * 3;
        let mut end = output.len();
        // Pixels are also written four values at a time, each over the fourth of the one before.
        output.resize(end + rows.len() * result_len + 1, 0.0);
        for row in rows {
            let window = window(row, self.region.y.len(), self.height);
            let count = window.len();
            let lines = window.map(|y| {
                let start = ((self.region.y.start + y) * self.width + self.region.x.start) * 3;
                &self.pixels[start..start + row_len]
            });
            if count <= ROWS_IN_16_BITS {
                sum_lines(lines, &mut narrow);
                sum_prefixes(&narrow, &mut prefix);
            } else {
                wide.resize(row_len + 1, 0_u32);
                sum_lines(lines, &mut wide);
                sum_prefixes(&wide, &mut prefix);
            }
            self.average(&prefix, count, &mut output[end..end + result_len + 1]);
            end += result_len;
        }
        output.truncate(end);
    }

    /// Divides the sum under each output pixel as PyTorch does: by the rows, then by the columns.
    #[inline(always)]
    fn average(&self, prefix: &[[u32; 4]], rows: usize, result: &mut [f32]) {
        let Normalise { offset, scale } = self.normalise;
        for (i, columns) in self.windows_x.iter().enumerate() {
            let (before, to_end) = (prefix[columns.start], prefix[columns.end]);
            let mut values = [0.0; 4];
            for i in 0..4 {
                // Signed conversion is one instruction; a sum under one pixel stays below 2³¹.
                let sum = to_end[i].wrapping_sub(before[i]) as i32 as f32;
                let mean = sum / rows as f32 / columns.len() as f32;
                values[i] = (mean - offset) * scale;
            }
            result[3 * i..3 * i + 4].copy_from_slice(&values);
        }
    }
}

/// Sums of the pixels before each, so that a window costs one subtraction whatever its width. They may wrap around.
#[inline(always)]
fn sum_prefixes<S: Copy + Into<u32>>(sums: &[S], prefix: &mut [[u32; 4]]) {
    let mut total = [0_u32; 4];
    for (prefix, pixel) in prefix[1..].iter_mut().zip(sums.windows(4).step_by(3)) {
        for i in 0..4 {
            total[i] = total[i].wrapping_add(pixel[i].into());
        }
        *prefix = total;
    }
}

#[inline(always)]
fn sum_lines<'a, S: Copy + From<u8> + std::ops::AddAssign>(
    mut lines: impl Iterator<Item = &'a [u8]>,
    sums: &mut [S],
) {
    if let Some(first) = lines.next() {
        for (sum, value) in sums.iter_mut().zip(first) {
            *sum = S::from(*value);
        }
    }
    for line in lines {
        for (sum, value) in sums.iter_mut().zip(line) {
            *sum += S::from(*value);
        }
    }
}

/// The input positions under output position `index`: from the floor of its start to the ceiling of its end.
fn window(index: usize, input: usize, output: usize) -> Range<usize> {
    index * input / output..((index + 1) * input).div_ceil(output)
}

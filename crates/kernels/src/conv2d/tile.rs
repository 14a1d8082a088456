//! The loop: a tile of some pixels by some vectors of channels stays in registers while the taps run by.
//!
//! In NHWC a kernel row is contiguous (`columns * in_channels` values), so the implicit matrix is read in place: every
//! pixel of a tile has its own start, and any pixels may share a tile, across rows and images.

#![expect(
    unsafe_code,
    reason = "unchecked reads in the innermost loop, and instruction sets"
)]

use std::ops::Range;

use super::packing::{PANEL, Packed};
use crate::isa::Kind;
use crate::lanes::Lanes;
use crate::lanes::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::lanes::{avx2::Avx2, avx512::Avx512};
use crate::{Extent, Isa};

/// What is read, and the shape of what comes out. `input` has `extent.pixels() * in_channels` values, and `output` is
/// `extent` less the kernel's overlap.
pub(super) struct Geometry<'a> {
    pub(super) input: &'a [f32],
    pub(super) extent: Extent,
    pub(super) output: Extent,
    pub(super) in_channels: usize,
    pub(super) kernel: (usize, usize),
}

/// Computes the output pixels `pixels` (counted over rows and images) into `out`, `stride` values apart: either the
/// exact number of channels or all padded ones.
pub(super) fn run(
    isa: Isa,
    packed: &Packed,
    geometry: &Geometry<'_>,
    pixels: Range<usize>,
    out: &mut [f32],
    stride: usize,
) {
    let Geometry {
        input,
        extent,
        output,
        in_channels,
        kernel: (rows, columns),
    } = *geometry;
    let taps = rows * columns * in_channels;
    assert!(pixels.end <= output.pixels() && pixels.len() * stride <= out.len());
    assert!(input.len() == extent.pixels() * in_channels && output.batch == extent.batch);
    assert!(
        output.height + rows == extent.height + 1 && output.width + columns == extent.width + 1
    );
    assert!(packed.weight.len() == packed.padded_channels() * taps);
    assert!(stride <= packed.padded_channels());
    assert!(
        packed
            .slope
            .as_ref()
            .is_none_or(|slope| slope.len() == packed.padded_channels())
    );
    let job = Job {
        packed,
        geometry,
        pixels,
        out,
        stride,
    };
    match isa.kind() {
        // SAFETY: the lengths were checked above; a value of this kind exists only where the processor has the
        // instructions.
        Kind::Portable => unsafe { run_tiles::<_, 4, 4>(Portable, job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx2 => unsafe { run_avx2(job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx512 | Kind::Avx512Bf16 => unsafe { run_avx512(job) },
    }
}

struct Job<'a> {
    packed: &'a Packed,
    geometry: &'a Geometry<'a>,
    pixels: Range<usize>,
    out: &'a mut [f32],
    stride: usize,
}

// 6 pixels × 2 vectors: 12 accumulators, 2 weights and 1 input in 16 registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2(job: Job<'_>) {
    // SAFETY: this function is only called where AVX2 and FMA are there; the job is the caller's promise.
    unsafe { run_tiles::<_, 6, 8>(Avx2::new(), job) }
}

// 8 pixels × 2 vectors: 16 accumulators hide the latency, and 8 input pointers still fit into the general registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn run_avx512(job: Job<'_>) {
    // SAFETY: this function is only called where AVX-512 F is there; the job is the caller's promise.
    unsafe { run_tiles::<_, 8, 8>(Avx512::new(), job) }
}

/// Tiles in one block: its starts are worked out once and serve every panel, whose weights stay in the first cache.
const BLOCK_TILES: usize = 12;
const BLOCK_PIXELS: usize = BLOCK_TILES * 8;

/// `WIDE` pixels for panels of two vectors, `NARROW` for a last panel of one.
///
/// # Safety
/// The lengths must be as [`run`] checks them.
#[inline(always)]
unsafe fn run_tiles<L: Lanes, const WIDE: usize, const NARROW: usize>(lanes: L, job: Job<'_>) {
    let Job {
        packed,
        geometry,
        pixels,
        out,
        stride,
    } = job;
    let Geometry {
        input,
        extent,
        output,
        in_channels,
        kernel: (rows, columns),
    } = *geometry;
    let taps = Taps {
        rows,
        row_len: columns * in_channels,
        row_stride: extent.width * in_channels,
    };
    let vectors = packed.padded_channels() / L::COUNT;
    let mut cursor = Cursor::new(&pixels, output, extent, in_channels);
    let mut starts = [0_usize; BLOCK_PIXELS];
    let mut done = 0;
    while done < pixels.len() {
        let block = (pixels.len() - done).min(BLOCK_PIXELS);
        for start in &mut starts[..block] {
            *start = cursor.next_start();
        }
        let mut vector = 0;
        while vector < vectors {
            let wide = vector + PANEL <= vectors;
            let channel = vector * L::COUNT;
            let panel = Panel {
                weight: &packed.weight[channel * taps.rows * taps.row_len..],
                bias: &packed.bias[channel..],
                slope: packed.slope.as_ref().map(|slope| &slope[channel..]),
                channels: stride.saturating_sub(channel),
            };
            let results = &mut out[done * stride + channel.min(stride)..];
            // SAFETY: every start is that of a pixel inside `input` with all of its taps; the panel's slices reach to
            // the end of its channels; `out` has `stride` values for each of the pixels.
            unsafe {
                if wide {
                    run_block::<L, WIDE, PANEL>(
                        lanes,
                        &taps,
                        input,
                        &starts[..block],
                        &panel,
                        results,
                        stride,
                    );
                } else {
                    run_block::<L, NARROW, 1>(
                        lanes,
                        &taps,
                        input,
                        &starts[..block],
                        &panel,
                        results,
                        stride,
                    );
                }
            }
            vector += PANEL;
        }
        done += block;
    }
}

struct Taps {
    rows: usize,
    row_len: usize,
    row_stride: usize,
}

struct Panel<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    slope: Option<&'a [f32]>,
    /// How many of the panel's channels (or more) are stored.
    channels: usize,
}

/// # Safety
/// Every start must leave all taps inside `input`, the panel must have `V` vectors of channels with their taps, and
/// `out` must hold `channels` values at each multiple of `stride` below `starts.len() * stride`.
#[inline(always)]
unsafe fn run_block<L: Lanes, const P: usize, const V: usize>(
    lanes: L,
    taps: &Taps,
    input: &[f32],
    starts: &[usize],
    panel: &Panel<'_>,
    out: &mut [f32],
    stride: usize,
) {
    let mut tile = 0;
    while tile < starts.len() {
        let count = (starts.len() - tile).min(P);
        let mut from = [input.as_ptr(); P];
        for (p, from) in from.iter_mut().enumerate() {
            // The last tile repeats its last pixel instead of running a narrower loop.
            let start = starts[tile + p.min(count - 1)];
            // SAFETY: the caller promises that starts lie inside `input`.
            *from = unsafe { from.add(start) };
        }
        // SAFETY: as the caller promises.
        let sums = unsafe { accumulate::<L, P, V>(lanes, taps, from, panel) };
        for (p, sums) in sums.iter().enumerate().take(count) {
            for (v, sum) in sums.iter().enumerate() {
                let mut value = *sum;
                if let Some(slope) = panel.slope {
                    // SAFETY: slopes are padded to whole vectors.
                    let slope = unsafe { lanes.load(slope.as_ptr().add(v * L::COUNT)) };
                    value = lanes.where_positive(value, lanes.mul(value, slope));
                }
                let channel = v * L::COUNT;
                if channel < panel.channels {
                    let count = (panel.channels - channel).min(L::COUNT);
                    // SAFETY: `out` holds `channels` values at every multiple of `stride`, as the caller promises.
                    unsafe {
                        let to = out.as_mut_ptr().add((tile + p) * stride + channel);
                        if count == L::COUNT {
                            lanes.store(to, value);
                        } else {
                            lanes.store_first(to, value, count);
                        }
                    }
                }
            }
        }
        tile += P;
    }
}

/// # Safety
/// All taps must be readable from each of `from`, and the panel must have `V` vectors of channels with their taps.
#[inline(always)]
unsafe fn accumulate<L: Lanes, const P: usize, const V: usize>(
    lanes: L,
    taps: &Taps,
    from: [*const f32; P],
    panel: &Panel<'_>,
) -> [[L::Vector; V]; P] {
    let mut sums = [[lanes.splat(0.0); V]; P];
    for v in 0..V {
        // SAFETY: the bias is padded to whole vectors.
        let bias = unsafe { lanes.load(panel.bias.as_ptr().add(v * L::COUNT)) };
        for sums in &mut sums {
            sums[v] = bias;
        }
    }
    let mut weight = panel.weight.as_ptr();
    for row in 0..taps.rows {
        let mut at = from;
        for at in &mut at {
            // SAFETY: the taps' rows are `row_stride` apart and readable, as the caller promises.
            *at = unsafe { at.add(row * taps.row_stride) };
        }
        for tap in 0..taps.row_len {
            // SAFETY: `weight` runs once over the panel's taps, `V` vectors each; `tap` stays inside a tap row.
            unsafe {
                let mut weights = [lanes.splat(0.0); V];
                for (v, vector) in weights.iter_mut().enumerate() {
                    *vector = lanes.load(weight.add(v * L::COUNT));
                }
                weight = weight.add(V * L::COUNT);
                for p in 0..P {
                    let value = lanes.splat(*at[p].add(tap));
                    for v in 0..V {
                        sums[p][v] = lanes.mul_add(value, weights[v], sums[p][v]);
                    }
                }
            }
        }
    }
    sums
}

/// Walks over output pixels and answers where in the input each one's taps start.
struct Cursor {
    start: usize,
    x: usize,
    y: usize,
    output: Extent,
    in_channels: usize,
    /// From the last pixel of a row to the first of the next, and of an image to the next image.
    next_row: usize,
    next_image: usize,
}

impl Cursor {
    #[inline(always)]
    fn new(pixels: &Range<usize>, output: Extent, extent: Extent, in_channels: usize) -> Self {
        let x = pixels.start % output.width;
        let y = pixels.start / output.width % output.height;
        let image = pixels.start / output.width / output.height;
        Self {
            start: ((image * extent.height + y) * extent.width + x) * in_channels,
            x,
            y,
            output,
            in_channels,
            next_row: (extent.width - output.width) * in_channels,
            next_image: (extent.height - output.height) * extent.width * in_channels,
        }
    }

    #[inline(always)]
    fn next_start(&mut self) -> usize {
        let start = self.start;
        self.start += self.in_channels;
        self.x += 1;
        if self.x == self.output.width {
            self.x = 0;
            self.start += self.next_row;
            self.y += 1;
            if self.y == self.output.height {
                self.y = 0;
                self.start += self.next_image;
            }
        }
        start
    }
}

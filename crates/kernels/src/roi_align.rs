//! RoI align: rectangles of feature maps, each brought to a map of one size by the mean of bilinear samples. torchvision's
//! `roi_align` with `aligned=False`: a pixel's centre has whole coordinates, and no rectangle is narrower than a pixel.

#![expect(unsafe_code, reason = "vector loads and stores")]

use rayon::prelude::*;

use crate::Isa;
use crate::buffer::{Shared, written};
use crate::lanes::Lanes;
use crate::product::WithLanes;

/// A feature map, `[height, width, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct FeatureMap<'a> {
    /// The numbers.
    pub values: &'a [f32],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Pixels of this map for one of the image in which rectangles are given.
    pub scale: f32,
}

/// A rectangle of one of the maps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roi {
    /// Which map.
    pub map: usize,
    /// `[x0, y0, x1, y1]` in pixels of the image.
    pub bbox: [f32; 4],
}

/// What each rectangle becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoiAlign {
    /// Of every map, and of the output.
    pub channels: usize,
    /// Rows and columns of the output.
    pub side: usize,
    /// Samples for each place of the output, across and down.
    pub samples: usize,
}

/// Each of `rois` as `[side, side, channels]`, one after the other.
///
/// Splits the work over the threads of the rayon pool that it is called in.
///
/// # Panics
/// When a map has no pixels or not as many numbers as its size says, or a rectangle is of a map that is not there.
#[must_use]
pub fn roi_align(isa: Isa, shape: RoiAlign, maps: &[FeatureMap<'_>], rois: &[Roi]) -> Vec<f32> {
    for map in maps {
        let numbers = map.height * map.width * shape.channels;
        assert!(
            map.values.len() == numbers && map.height * map.width > 0,
            "a feature map of {}x{} with {} numbers",
            map.height,
            map.width,
            map.values.len()
        );
    }
    assert!(
        rois.iter().all(|roi| roi.map < maps.len()),
        "a rectangle of none of {} maps",
        maps.len()
    );
    let size = shape.side * shape.side * shape.channels;
    let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
        let to = Shared::new(to.as_mut_ptr().cast::<f32>());
        rois.par_iter().enumerate().for_each(|(index, roi)| {
            let map = &maps[roi.map];
            isa.with_lanes(Rectangle {
                shape,
                map,
                taps: taps(shape, map, roi.bbox),
                to: to.at(index * size),
            });
        });
    };
    // SAFETY: each task writes all of its rectangle's output, and every rectangle has one.
    unsafe { written(rois.len() * size, write) }
}

/// A pixel's place along one axis, and its part in a place of the output.
type Tap = (usize, f32);

/// For each row of the output the rows of the map that have a part in it, then for each column the columns.
fn taps(shape: RoiAlign, map: &FeatureMap<'_>, bbox: [f32; 4]) -> [Vec<Vec<Tap>>; 2] {
    let [x0, y0, x1, y1] = bbox.map(|coordinate| coordinate * map.scale);
    [
        axis(shape, y0, y1, map.height),
        axis(shape, x0, x1, map.width),
    ]
}

/// In `f32` and in upstream's order, so that samples on the border of two pixels fall to the same one.
fn axis(shape: RoiAlign, start: f32, end: f32, length: usize) -> Vec<Vec<Tap>> {
    let bin = (end - start).max(1.0) / shape.side as f32;
    let bins = (0..shape.side).map(|place| {
        let mut taps: Vec<Tap> = Vec::with_capacity(2 * shape.samples);
        for sample in 0..shape.samples {
            let within = (sample as f32 + 0.5) * bin / shape.samples as f32;
            let position = start + place as f32 * bin + within;
            for (pixel, weight) in sample_taps(position, length) {
                let weight = weight / shape.samples as f32;
                match taps.iter_mut().find(|(known, _)| *known == pixel) {
                    Some((_, sum)) => *sum += weight,
                    None => taps.push((pixel, weight)),
                }
            }
        }
        taps
    });
    bins.collect()
}

/// The two pixels between which a sample lies. Beyond the map by more than a pixel there is nothing.
fn sample_taps(position: f32, length: usize) -> [Tap; 2] {
    // Written so that a position that is no number has no weight.
    if !(position >= -1.0 && position <= length as f32) {
        return [(0, 0.0); 2];
    }
    let position = position.max(0.0);
    let first = position as usize;
    if first >= length - 1 {
        return [(length - 1, 1.0), (length - 1, 0.0)];
    }
    let part = position - first as f32;
    [(first, 1.0 - part), (first + 1, part)]
}

struct Rectangle<'a> {
    shape: RoiAlign,
    map: &'a FeatureMap<'a>,
    taps: [Vec<Vec<Tap>>; 2],
    to: *mut f32,
}

impl WithLanes for Rectangle<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let channels = self.shape.channels;
        let [rows, columns] = &self.taps;
        let mut pixels: Vec<(*const f32, f32)> = Vec::new();
        for (y, rows) in rows.iter().enumerate() {
            for (x, columns) in columns.iter().enumerate() {
                pixels.clear();
                for &(row, row_weight) in rows {
                    for &(column, weight) in columns {
                        let pixel = &self.map.values[(row * self.map.width + column) * channels..];
                        // A slice, so that a pixel is known to be inside the map.
                        pixels.push((pixel[..channels].as_ptr(), row_weight * weight));
                    }
                }
                let to = self.to.wrapping_add((y * self.shape.side + x) * channels);
                // SAFETY: each pixel has `channels` numbers, and so has the place `to` of this rectangle's output.
                unsafe { weighted_sum(lanes, &pixels, channels, to) };
            }
        }
    }
}

/// Writes the sum of `pixels`, each times its weight.
///
/// # Safety
/// `channels` numbers must be readable at each of `pixels`, and writable at `to`.
#[inline(always)]
unsafe fn weighted_sum<L: Lanes>(
    lanes: L,
    pixels: &[(*const f32, f32)],
    channels: usize,
    to: *mut f32,
) {
    /// Vectors summed side by side.
    const CHAINS: usize = 4;
    let group = CHAINS * L::COUNT;
    let grouped = channels / group * group;
    for at in (0..grouped).step_by(group) {
        let mut sums = [lanes.splat(0.0); CHAINS];
        for &(pixel, weight) in pixels {
            let weight = lanes.splat(weight);
            for (chain, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + group <= channels`.
                let value = unsafe { lanes.load(pixel.add(at + chain * L::COUNT)) };
                *sum = lanes.mul_add(value, weight, *sum);
            }
        }
        for (chain, sum) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { lanes.store(to.add(at + chain * L::COUNT), sum) };
        }
    }
    for at in (grouped..channels).step_by(L::COUNT) {
        let count = (channels - at).min(L::COUNT);
        let mut sum = lanes.splat(0.0);
        for &(pixel, weight) in pixels {
            // SAFETY: `at + count <= channels`.
            let value = unsafe { lanes.load_first(pixel.add(at), count) };
            sum = lanes.mul_add(value, lanes.splat(weight), sum);
        }
        // SAFETY: as above.
        unsafe { lanes.store_first(to.add(at), sum, count) };
    }
}

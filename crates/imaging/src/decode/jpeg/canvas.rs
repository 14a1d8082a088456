//! From coefficients to pixels, one band at a time, on any thread. A band is a row of minimum coded units.

use std::sync::{Mutex, PoisonError};

use fearless_simd::{Level, dispatch};

use super::color::Model;
use super::frame::{Component, Frame};
use super::idct;
use super::stretched::Stretched;

/// What is the same for all bands of a picture.
pub(super) struct Canvas<'a> {
    level: Level,
    frame: &'a Frame,
    /// By component.
    factors: Vec<[i16; 64]>,
    model: Model,
}

/// The pixels of a band. Those in its first and last row depend on the neighbours too where components are interpolated from
/// row to row; they belong to the seams.
pub(super) struct Strip<'s, 'a> {
    pixels: &'s mut [u8],
    /// The first row of the band.
    first_row: usize,
    /// The first row of `pixels`.
    first_pixel_row: usize,
    above: Option<&'s Seam<'a>>,
    below: Option<&'s Seam<'a>>,
}

/// The last row of a band and the first one of the next: whoever comes second paints them.
pub(super) struct Seam<'a>(Mutex<SeamState<'a>>);

struct SeamState<'a> {
    pixels: &'a mut [u8],
    first_row: usize,
    waiting: Option<Edge>,
}

/// The samples of a band next to a seam, one row of each component.
type Edge = Vec<Vec<u8>>;

/// A picture's pixels in parts that can be painted at the same time.
pub(super) struct Parts<'a> {
    bands: Vec<&'a mut [u8]>,
    seams: Vec<Seam<'a>>,
}

/// Room for the samples of a band.
pub(super) struct Room {
    /// Rows of each component, see [`Component::stride`].
    samples: Vec<Vec<u8>>,
    stretched: Vec<Stretched>,
}

impl<'a> Canvas<'a> {
    /// Components whose quantization is not known stay grey.
    pub(super) fn new(
        level: Level,
        frame: &'a Frame,
        quantization: &[Option<[i32; 64]>],
        model: Model,
    ) -> Self {
        let factors = quantization.iter();
        Self {
            level,
            frame,
            factors: factors
                .map(|table| idct::factors(&table.unwrap_or([0; 64])))
                .collect(),
            model,
        }
    }

    /// Paints a band from each component's coefficients.
    pub(super) fn paint(
        &self,
        blocks: &[&[[i16; 64]]],
        room: &mut Room,
        strip: &mut Strip<'_, '_>,
    ) {
        dispatch!(self.level, _ => self.paint_strip(blocks, room, strip));
    }

    #[inline(always)]
    fn paint_strip(&self, blocks: &[&[[i16; 64]]], room: &mut Room, strip: &mut Strip<'_, '_>) {
        let components = &self.frame.components;
        let Room { samples, stretched } = room;
        for (((component, blocks), factors), samples) in components
            .iter()
            .zip(blocks)
            .zip(&self.factors)
            .zip(&mut *samples)
        {
            transform(component, blocks, factors, samples);
        }
        let samples = &*samples;
        let row_of = |index: usize, y: usize| {
            let component: &Component = &components[index];
            let first = strip.first_row / component.stretch[1];
            let row = y.min(component.height - 1) - first;
            &samples[index][row * component.stride..][..component.width]
        };
        let rows = |index: usize, y: usize| {
            let down = components[index].stretch[1];
            let near = y / down;
            let far = match y.is_multiple_of(2) {
                _ if !components[index].blends_rows() => near,
                true => near.saturating_sub(1),
                false => near + 1,
            };
            (row_of(index, near), row_of(index, far))
        };
        self.convert(strip.pixels, strip.first_pixel_row, stretched, rows);
        let edge = |y: usize| -> Edge {
            let rows = components.iter().enumerate();
            rows.map(|(index, component)| row_of(index, y / component.stretch[1]).to_vec())
                .collect()
        };
        if let Some(seam) = strip.above {
            seam.meet(self, edge(strip.first_row), false, stretched);
        }
        if let Some(seam) = strip.below {
            let last = strip.first_row + self.frame.band_height() - 1;
            seam.meet(self, edge(last), true, stretched);
        }
    }

    /// Converts rows of the picture, `first_row` on. `rows` gives the nearest row of a component and the next one.
    #[inline(always)]
    fn convert<'s>(
        &self,
        pixels: &mut [u8],
        first_row: usize,
        stretched: &mut [Stretched],
        rows: impl Fn(usize, usize) -> (&'s [u8], &'s [u8]),
    ) {
        let components = &self.frame.components;
        for (y, pixels) in (first_row..).zip(pixels.chunks_exact_mut(self.frame.width * 3)) {
            let mut wide: [&[u8]; 4] = [&[]; 4];
            let places = wide.iter_mut().zip(components).zip(&mut *stretched);
            for (index, ((wide, component), stretched)) in places.enumerate() {
                let (near, far) = rows(index, y);
                *wide = stretched.row(component, near, far, y);
            }
            self.model.to_rgb(&wide[..components.len()], pixels);
        }
    }
}

#[inline(always)]
fn transform(component: &Component, blocks: &[[i16; 64]], factors: &[i16; 64], samples: &mut [u8]) {
    let stride = component.stride;
    let rows = blocks.chunks_exact(stride / 8);
    for (blocks, samples) in rows.zip(samples.chunks_exact_mut(stride * 8)) {
        for (x, block) in blocks.iter().enumerate() {
            idct::inverse(block, factors, &mut samples[x * 8..], stride);
        }
    }
}

impl Seam<'_> {
    /// A neighbour brings its samples: the one above, or the one below.
    #[inline(always)]
    fn meet(&self, canvas: &Canvas<'_>, edge: Edge, from_above: bool, stretched: &mut [Stretched]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(other) = state.waiting.take() else {
            state.waiting = Some(edge);
            return;
        };
        let (above, below) = if from_above {
            (&edge, &other)
        } else {
            (&other, &edge)
        };
        let SeamState {
            pixels, first_row, ..
        } = &mut *state;
        let first_row = *first_row;
        canvas.convert(pixels, first_row, stretched, |index, y| {
            let (above, below) = (&above[index][..], &below[index][..]);
            if y == first_row {
                (above, below)
            } else {
                (below, above)
            }
        });
    }
}

impl<'a> Parts<'a> {
    pub(super) fn new(frame: &Frame, mut pixels: &'a mut [u8]) -> Self {
        let row = frame.width * 3;
        let mut take = |rows: usize| {
            let (taken, rest) = std::mem::take(&mut pixels).split_at_mut(rows * row);
            pixels = rest;
            taken
        };
        let (mut bands, mut seams) = (Vec::new(), Vec::new());
        let blends = frame.components.iter().any(Component::blends_rows);
        let (mut at, height) = (0, frame.band_height());
        for band in 1..=frame.mcus_high {
            let end = (band * height).min(frame.height);
            if blends && band < frame.mcus_high {
                bands.push(take(end - 1 - at));
                let seam = SeamState {
                    pixels: take(2),
                    first_row: end - 1,
                    waiting: None,
                };
                seams.push(Seam(Mutex::new(seam)));
                at = end + 1;
            } else {
                bands.push(take(end - at));
                at = end;
            }
        }
        Self { bands, seams }
    }

    /// From top to bottom.
    pub(super) fn strips<'s>(
        &'s mut self,
        frame: &Frame,
    ) -> impl ExactSizeIterator<Item = Strip<'s, 'a>> + Send + use<'s, 'a> {
        let height = frame.band_height();
        let seams = &self.seams;
        let bands = self.bands.iter_mut().enumerate();
        bands.map(move |(index, pixels)| {
            let first_row = index * height;
            let above = index.checked_sub(1).and_then(|index| seams.get(index));
            Strip {
                pixels,
                first_row,
                first_pixel_row: first_row + usize::from(above.is_some()),
                above,
                below: seams.get(index),
            }
        })
    }
}

impl Room {
    pub(super) fn new(frame: &Frame) -> Self {
        let components = || frame.components.iter();
        let samples = |component: &Component| vec![0; component.band_blocks() * 64];
        Self {
            samples: components().map(samples).collect(),
            stretched: components().map(Stretched::new).collect(),
        }
    }
}

#[cfg(test)]
mod tests;

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use super::axis::Axis;
use super::coefficients::Coefficients;
use super::quads::{LANES, Quads, STRIP_ROWS, from_rows, row};
use super::{Filter, MAX_SIDE, ResizeError, Window, horizontal, vertical};
use crate::RgbImage;
use crate::workers::for_each;

/// Pixels of a source that is worth the helpers' while.
const SHARED_PIXELS: usize = 1 << 20;

/// Scales a picture by strips: some rows of the source at a time, in any order and on any thread, and in the end what is
/// left to do with all of them.
pub(crate) struct Resizer {
    level: Level,
    /// Strips that a thread takes at a time.
    piece: usize,
    /// Width and height of the source, and what is read of it.
    from: [usize; 2],
    rows: Range<usize>,
    columns: Range<usize>,
    /// The passes. Pillow leaves out one whose length stays the same, and with it that pass's rounding.
    across: Option<Axis>,
    down: Option<Axis>,
    down_first: bool,
    window: Window,
}

impl Resizer {
    /// Scales a source of the size `from` to the size `to`, both width and height, and keeps `window` of it.
    pub(crate) fn new(
        from: [u32; 2],
        to: [u64; 2],
        window: Window,
        filter: Filter,
    ) -> Result<Self, ResizeError> {
        Self::at(Level::new(), from, to, window, filter)
    }

    /// The same, with the instructions of `level`.
    fn at(
        level: Level,
        from: [u32; 2],
        to: [u64; 2],
        window: Window,
        filter: Filter,
    ) -> Result<Self, ResizeError> {
        let [from_width, from_height] = from;
        if [from_width, from_height, window.width, window.height].contains(&0) {
            return Err(ResizeError::Empty {
                from_width,
                from_height,
                to_width: window.width,
                to_height: window.height,
            });
        }
        let (Some(columns), Some(rows)) = (
            range(window.left, window.width, to[0]),
            range(window.top, window.height, to[1]),
        ) else {
            return Err(too_large(window));
        };
        if window.width.max(window.height) > MAX_SIDE {
            return Err(too_large(window));
        }
        let coefficients = |from: u32, to: u64, target: &Range<usize>| {
            (to != u64::from(from))
                .then(|| Coefficients::new(from as usize, to as usize, target.clone(), filter))
        };
        let across = coefficients(from_width, to[0], &columns);
        let down = coefficients(from_height, to[1], &rows);
        let used = |coefficients: &Option<Coefficients>, target| match coefficients {
            Some(coefficients) => coefficients.used(),
            None => target,
        };
        let (columns, rows) = (used(&across, columns), used(&down, rows));
        let first_strip_row = rows.start / STRIP_ROWS * STRIP_ROWS;
        let [from_width, from_height] = from.map(|side| side as usize);
        let shared = columns.len() * rows.len() >= SHARED_PIXELS;
        Ok(Self {
            level,
            piece: if shared { 1 } else { usize::MAX / STRIP_ROWS },
            from: [from_width, from_height],
            down_first: vertical_first(from, to),
            across: across.map(|across| Axis::new(&across, columns.start, level)),
            down: down.map(|down| Axis::new(&down, first_strip_row, level)),
            columns,
            rows,
            window,
        })
    }

    /// `image`, which is of the size that the source was said to be, scaled.
    pub(crate) fn scale(&self, image: &RgbImage) -> Result<RgbImage, ResizeError> {
        let strips = self.strips();
        let mut quads = self.buffer()?;
        let strip_quads = self.strip_quads();
        let pieces = quads.chunks_mut(self.piece.min(strips.len()) * strip_quads);
        for_each(pieces.enumerate(), |(piece, quads)| {
            let first = strips.start + piece * self.piece;
            for (strip, quads) in (first..).zip(quads.chunks_exact_mut(strip_quads)) {
                let rows = self.strip_rows(strip);
                let stride = self.from[0] * 3;
                self.strip(
                    &image.pixels()[rows.start * stride..rows.end * stride],
                    quads,
                );
            }
        });
        self.finish(&quads)
    }

    /// The strips of the source that are read.
    pub(crate) fn strips(&self) -> Range<usize> {
        self.rows.start / STRIP_ROWS..self.rows.end.div_ceil(STRIP_ROWS)
    }

    /// The rows of a strip.
    pub(crate) fn strip_rows(&self, strip: usize) -> Range<usize> {
        let first = strip * STRIP_ROWS;
        first..(first + STRIP_ROWS).min(self.from[1])
    }

    /// Where all strips go, one after the other.
    pub(crate) fn buffer(&self) -> Result<Vec<Quads>, ResizeError> {
        zeroed(
            self.strips().len() * 4,
            self.quads_a_row(),
            [0; LANES * 4],
            self.window,
        )
    }

    /// Quads of a strip in the buffer.
    pub(crate) fn strip_quads(&self) -> usize {
        4 * self.quads_a_row()
    }

    /// Takes a strip's rows, of the source's whole width, to its place in the buffer.
    pub(crate) fn strip(&self, rows: &[u8], out: &mut [Quads]) {
        let columns = self.columns.start * 3..self.columns.end * 3;
        let rows = rows.chunks_exact(self.from[0] * 3);
        let rows: Vec<&[u8]> = rows.map(|row| &row[columns.clone()]).collect();
        match self.across.as_ref().filter(|_| !self.down_first) {
            Some(across) => {
                dispatch!(self.level, simd => horizontal::scale_strip(simd, &rows, across, out));
            }
            None => {
                let out = out.chunks_exact_mut(self.quads_a_row()).enumerate();
                dispatch!(self.level, _ => for (at, out) in out {
                    let row = |next: usize| rows[(at * 4 + next).min(rows.len() - 1)];
                    from_rows([row(0), row(1), row(2), row(3)], out);
                });
            }
        }
    }

    /// The scaled picture, once all strips are in `quads`.
    pub(crate) fn finish(&self, quads: &[Quads]) -> Result<RgbImage, ResizeError> {
        let Window { width, height, .. } = self.window;
        let mut pixels = zeroed(height as usize, width as usize * 3, 0, self.window)?;
        let piece_rows = (self.piece.saturating_mul(STRIP_ROWS)).min(height as usize);
        let stride = width as usize * 3;
        let pieces = pixels.chunks_mut(piece_rows * stride).enumerate();
        for_each(pieces, |(piece, pixels)| {
            let first = piece * piece_rows;
            if self.down_first && self.across.is_some() {
                for (strip, pixels) in pixels.chunks_mut(STRIP_ROWS * stride).enumerate() {
                    self.finish_strip(quads, first + strip * STRIP_ROWS, pixels);
                }
            } else {
                self.rows_of(quads, first, pixels, stride);
            }
        });
        RgbImage::from_raw(width, height, pixels).ok_or_else(|| too_large(self.window))
    }

    /// The rows of the target from `first` on, before they are scaled across.
    fn finish_strip(&self, quads: &[Quads], first: usize, pixels: &mut [u8]) {
        let Some(across) = &self.across else { return };
        let stride = self.columns.len() * 3;
        let mut rows = vec![0; pixels.len() / (across.len() * 3) * stride];
        self.rows_of(quads, first, &mut rows, stride);
        let rows: Vec<&[u8]> = rows.chunks_exact(stride).collect();
        let quads_a_row = (across.len() * 3).div_ceil(LANES);
        let mut scaled = vec![[0; LANES * 4]; 4 * quads_a_row];
        dispatch!(self.level, simd => {
            horizontal::scale_strip(simd, &rows, across, &mut scaled);
            for (at, pixels) in pixels.chunks_exact_mut(across.len() * 3).enumerate() {
                row(&scaled[at / 4 * quads_a_row..][..quads_a_row], at % 4, pixels);
            }
        });
    }

    /// The rows of the target from `first` on, as wide as `quads` are.
    fn rows_of(&self, quads: &[Quads], first: usize, out: &mut [u8], stride: usize) {
        let quads_a_row = self.quads_a_row();
        let out = out.chunks_exact_mut(stride).enumerate();
        dispatch!(self.level, simd => for (at, out) in out {
            match &self.down {
                Some(down) => {
                    let (quad, weights) = down.span(first + at);
                    vertical::blend(simd, &quads[quad * quads_a_row..], quads_a_row, weights, out);
                }
                None => {
                    let at = self.rows.start % STRIP_ROWS + first + at;
                    row(&quads[at / 4 * quads_a_row..][..quads_a_row], at % 4, out);
                }
            }
        });
    }

    /// Quads of a row in the buffer.
    fn quads_a_row(&self) -> usize {
        let width = match &self.across {
            Some(across) if !self.down_first => across.len(),
            _ => self.columns.len(),
        };
        (width * 3).div_ceil(LANES)
    }
}

fn too_large(window: Window) -> ResizeError {
    ResizeError::TooLarge {
        width: window.width,
        height: window.height,
    }
}

/// `rows` rows of `length`.
fn zeroed<T: Copy>(
    rows: usize,
    length: usize,
    zero: T,
    window: Window,
) -> Result<Vec<T>, ResizeError> {
    let mut all = Vec::new();
    let count = rows.checked_mul(length).ok_or_else(|| too_large(window))?;
    all.try_reserve_exact(count)
        .map_err(|_| too_large(window))?;
    all.resize(count, zero);
    Ok(all)
}

/// `length` positions from `start` on, if there are so many in `whole`.
fn range(start: u64, length: u32, whole: u64) -> Option<Range<usize>> {
    let end = start.checked_add(length.into())?;
    let fits = end <= whole;
    fits.then_some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// The order of the passes shows in the last bit, since each rounds to 8 bits. Pillow 13 takes the
/// vertical one first where the height shrinks by more than twice what the width does (read off
/// its answers for 3,000 random sizes; versions before 13 never do).
fn vertical_first(from: [u32; 2], to: [u64; 2]) -> bool {
    let lost = |axis: usize| i128::from(from[axis]) - i128::from(to[axis]);
    let (columns, rows) = (lost(0), lost(1));
    rows > 0 && rows > 2 * columns
}

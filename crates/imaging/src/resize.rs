mod coefficients;
mod filter;
mod horizontal;
mod vertical;

use std::ops::Range;

use thiserror::Error;

use self::coefficients::Coefficients;
pub use self::filter::Filter;
use crate::RgbImage;

/// Longest side of a target, as of every format that is decoded here.
const MAX_SIDE: u32 = 65_535;

/// Why a resize was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResizeError {
    /// Source or target has a side of zero.
    #[error("cannot resize {from_width}x{from_height} to {to_width}x{to_height} pixels")]
    Empty {
        /// Source width in pixels.
        from_width: u32,
        /// Source height in pixels.
        from_height: u32,
        /// Target width in pixels.
        to_width: u32,
        /// Target height in pixels.
        to_height: u32,
    },
    /// A target side is longer than 65,535 pixels, or its pixels do not fit into memory.
    #[error("cannot make an image of {width}x{height} pixels")]
    TooLarge {
        /// Target width in pixels.
        width: u32,
        /// Target height in pixels.
        height: u32,
    },
}

/// A part of a scaled image, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Pixels of the scaled image left of it.
    pub left: u64,
    /// Pixels of the scaled image above it.
    pub top: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Scales `image` to exactly `width` by `height` pixels: the same bytes as Pillow's
/// `Image.resize((width, height), filter)`, antialiased when it shrinks.
///
/// The caller bounds the number of target pixels; they are allocated as asked.
///
/// # Errors
/// When the source or the target has no pixels, or the target is too large.
pub fn resize(
    image: &RgbImage,
    width: u32,
    height: u32,
    filter: Filter,
) -> Result<RgbImage, ResizeError> {
    if width.max(height) > MAX_SIDE {
        return Err(ResizeError::TooLarge { width, height });
    }
    let all = Window {
        left: 0,
        top: 0,
        width,
        height,
    };
    resize_window(image, width.into(), height.into(), all, filter)
}

/// The part `window` of `image` scaled to `width` by `height` pixels: the same bytes as scaling all of it and cropping then, at
/// the cost of the window alone. So the middle of an image that is a hundred times as wide as high can be had.
///
/// # Errors
/// When the source or the window has no pixels, or the window is too large or not within the target.
pub fn resize_window(
    image: &RgbImage,
    width: u64,
    height: u64,
    window: Window,
    filter: Filter,
) -> Result<RgbImage, ResizeError> {
    let (from_width, from_height) = (image.width(), image.height());
    if [from_width, from_height, window.width, window.height].contains(&0) {
        return Err(ResizeError::Empty {
            from_width,
            from_height,
            to_width: window.width,
            to_height: window.height,
        });
    }
    let too_large = ResizeError::TooLarge {
        width: window.width,
        height: window.height,
    };
    let (Some(across), Some(down)) = (
        range(window.left, window.width, width),
        range(window.top, window.height, height),
    ) else {
        return Err(too_large);
    };
    if window.width.max(window.height) > MAX_SIDE {
        return Err(too_large);
    }
    // Pillow leaves out a pass whose length stays the same, and with it that pass's rounding.
    let rows = (height != u64::from(from_height))
        .then(|| Coefficients::new(from_height as usize, height as usize, down.clone(), filter));
    let columns = (width != u64::from(from_width))
        .then(|| Coefficients::new(from_width as usize, width as usize, across.clone(), filter));

    let zeroed = |width: usize, height: usize| -> Result<Vec<u8>, ResizeError> {
        let bytes = width
            .checked_mul(3 * height)
            .ok_or_else(|| too_large.clone())?;
        let mut pixels = Vec::new();
        pixels
            .try_reserve_exact(bytes)
            .map_err(|_| too_large.clone())?;
        pixels.resize(bytes, 0);
        Ok(pixels)
    };
    let (to_width, to_height) = (across.len(), down.len());
    let (from, to) = (from_width as usize * 3, to_width * 3);
    let source_rows = |rows: Range<usize>| &image.pixels()[rows.start * from..rows.end * from];

    let pixels = match (&columns, &rows) {
        (None, None) => cut(source_rows(down), from, across),
        (Some(columns), None) => {
            let mut pixels = zeroed(to_width, to_height)?;
            horizontal::pass(source_rows(down), from, &mut pixels, to, columns);
            pixels
        }
        (None, Some(rows)) => {
            let used = rows.used();
            let source = cut(source_rows(used.clone()), from, across);
            let mut pixels = zeroed(to_width, to_height)?;
            vertical::pass(&source, used.start, &mut pixels, to, rows);
            pixels
        }
        (Some(columns), Some(rows)) if vertical_first(image, width, height) => {
            let mut between = zeroed(from_width as usize, to_height)?;
            vertical::pass(image.pixels(), 0, &mut between, from, rows);
            let mut pixels = zeroed(to_width, to_height)?;
            horizontal::pass(&between, from, &mut pixels, to, columns);
            pixels
        }
        (Some(columns), Some(rows)) => {
            // Only the rows that the vertical pass reads go through the horizontal one.
            let used = rows.used();
            let mut between = zeroed(to_width, used.len())?;
            horizontal::pass(source_rows(used.clone()), from, &mut between, to, columns);
            let mut pixels = zeroed(to_width, to_height)?;
            vertical::pass(&between, used.start, &mut pixels, to, rows);
            pixels
        }
    };
    RgbImage::from_raw(window.width, window.height, pixels).ok_or(too_large)
}

/// `length` positions from `start` on, if there are so many in `whole`.
fn range(start: u64, length: u32, whole: u64) -> Option<Range<usize>> {
    let end = start.checked_add(length.into())?;
    let fits = end <= whole;
    fits.then_some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// The pixels `columns` of each of `rows`, which are `stride` bytes long.
fn cut(rows: &[u8], stride: usize, columns: Range<usize>) -> Vec<u8> {
    let rows = rows.chunks_exact(stride);
    rows.flat_map(|row| &row[columns.start * 3..columns.end * 3])
        .copied()
        .collect()
}

/// The order of the passes shows in the last bit, since each rounds to 8 bits. Pillow 13 takes the
/// vertical one first where the height shrinks by more than twice what the width does (read off
/// its answers for 3,000 random sizes; versions before 13 never do).
fn vertical_first(image: &RgbImage, width: u64, height: u64) -> bool {
    let lost = |from: u32, to: u64| i128::from(from) - i128::from(to);
    let (columns, rows) = (lost(image.width(), width), lost(image.height(), height));
    rows > 0 && rows > 2 * columns
}

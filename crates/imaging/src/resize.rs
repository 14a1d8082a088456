mod coefficients;
mod filter;
mod horizontal;
mod vertical;

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
    let (from_width, from_height) = (image.width(), image.height());
    if [from_width, from_height, width, height].contains(&0) {
        return Err(ResizeError::Empty {
            from_width,
            from_height,
            to_width: width,
            to_height: height,
        });
    }
    let too_large = ResizeError::TooLarge { width, height };
    if width.max(height) > MAX_SIDE {
        return Err(too_large);
    }
    // Pillow leaves out a pass whose length stays the same, and with it that pass's rounding.
    let rows = (height != from_height)
        .then(|| Coefficients::new(from_height as usize, height as usize, filter));
    let columns = (width != from_width)
        .then(|| Coefficients::new(from_width as usize, width as usize, filter));

    let zeroed = |width: u32, height: usize| -> Result<Vec<u8>, ResizeError> {
        let bytes = (width as usize * 3)
            .checked_mul(height)
            .ok_or(too_large.clone())?;
        let mut pixels = Vec::new();
        pixels
            .try_reserve_exact(bytes)
            .map_err(|_| too_large.clone())?;
        pixels.resize(bytes, 0);
        Ok(pixels)
    };
    let stride = |width: u32| width as usize * 3;

    let pixels = match (&columns, &rows) {
        (None, None) => image.pixels().to_vec(),
        (Some(columns), None) => {
            let mut pixels = zeroed(width, height as usize)?;
            horizontal::pass(
                image.pixels(),
                stride(from_width),
                &mut pixels,
                stride(width),
                columns,
            );
            pixels
        }
        (None, Some(rows)) => {
            let mut pixels = zeroed(width, height as usize)?;
            vertical::pass(image.pixels(), 0, &mut pixels, stride(width), rows);
            pixels
        }
        (Some(columns), Some(rows)) if vertical_first(image, width, height) => {
            let mut between = zeroed(from_width, height as usize)?;
            vertical::pass(image.pixels(), 0, &mut between, stride(from_width), rows);
            let mut pixels = zeroed(width, height as usize)?;
            horizontal::pass(
                &between,
                stride(from_width),
                &mut pixels,
                stride(width),
                columns,
            );
            pixels
        }
        (Some(columns), Some(rows)) => {
            // Only the rows that the vertical pass reads go through the horizontal one.
            let used = rows.used();
            let from = stride(from_width);
            let source = &image.pixels()[used.start * from..used.end * from];
            let mut between = zeroed(width, used.len())?;
            horizontal::pass(source, from, &mut between, stride(width), columns);
            let mut pixels = zeroed(width, height as usize)?;
            vertical::pass(&between, used.start, &mut pixels, stride(width), rows);
            pixels
        }
    };
    RgbImage::from_raw(width, height, pixels).ok_or(too_large)
}

/// The order of the passes shows in the last bit, since each rounds to 8 bits. Pillow 13 takes the
/// vertical one first where the height shrinks by more than twice what the width does (read off
/// its answers for 3,000 random sizes; versions before 13 never do).
fn vertical_first(image: &RgbImage, width: u32, height: u32) -> bool {
    let lost = |from: u32, to: u32| i64::from(from) - i64::from(to);
    let (columns, rows) = (lost(image.width(), width), lost(image.height(), height));
    rows > 0 && rows > 2 * columns
}

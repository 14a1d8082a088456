mod axis;
mod coefficients;
mod dot;
mod filter;
mod horizontal;
mod quads;
mod resizer;
mod vertical;

use thiserror::Error;

pub use self::filter::Filter;
pub(crate) use self::resizer::Resizer;
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
    let size = [image.width(), image.height()];
    Resizer::new(size, [width, height], window, filter)?.scale(image)
}

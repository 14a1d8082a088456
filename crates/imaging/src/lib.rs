//! Pixels: encoded bytes to RGB8 under limits, then crops, resizes and PNG.
//!
//! The measure for every function here is Pillow: [`decode()`] gives what
//! `Image.open(..).convert("RGB")` gives, [`resize()`] what `Image.resize` gives, [`crop()`] what
//! `Image.crop` gives. The tests compare with files that Pillow wrote.

#![forbid(unsafe_code)]

mod crop;
mod decode;
mod error;
mod foreign;
mod format;
#[cfg(test)]
mod levels;
mod limits;
mod orientation;
mod png;
mod resize;
mod rgb_image;
mod workers;

pub use crop::{CropError, crop};
pub use decode::{decode, decode_bytes};
pub use error::DecodeError;
pub use format::Format;
pub use limits::{LimitExceeded, Limits};
pub use orientation::{ExifOrientation, stored_orientation};
pub use png::{EncodeError, encode_png};
pub use resize::{Filter, ResizeError, Window, resize, resize_window};
pub use rgb_image::RgbImage;
pub use workers::Workers;

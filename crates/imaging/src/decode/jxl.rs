//! JPEG XL, which Pillow does not read: the pixels are those of its decoder, in the file's own colours or
//! sRGB.

use std::fmt::Display;

use jxl::api::{
    Event, JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer,
    JxlPixelFormat, ProfileLevel,
};
use jxl::error::Error;

use super::{check, contained, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    contained(Format::Jxl, || decode_first_frame(bytes, limits))
}

fn decode_first_frame(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let blame = |error: Error| match error {
        Error::ImageSizeTooLarge(width, height) => limits
            .check_size(width as u64, height as u64)
            .map_or_else(DecodeError::from, |()| corrupt(&"a frame is too large")),
        error => corrupt(&error),
    };
    let mut options = JxlDecoderOptions::default();
    options.max_profile_level = ProfileLevel::Main10;
    // Counts samples of all channels, and must be more than the image has.
    let samples = limits.max_pixels.saturating_mul(8);
    options.sample_limit = Some(usize::try_from(samples).unwrap_or(usize::MAX));
    let mut decoder = JxlDecoder::new(options);
    let mut input = bytes;
    let mut pixels = vec![];
    let (mut width, mut height) = (0, 0);
    loop {
        let mut buffer;
        let buffers = if pixels.is_empty() {
            None
        } else {
            buffer = [JxlOutputBuffer::new(&mut pixels, height, width * 3)];
            Some(&mut buffer[..])
        };
        match decoder.process(&mut input, buffers, None).map_err(blame)? {
            Event::NeedMoreInput { .. } => {
                return Err(Format::Jxl.truncated("its data ends early"));
            }
            Event::BasicInfo => {
                let info = decoder.basic_info();
                let info = info.ok_or_else(|| corrupt(&"its header is missing"))?;
                (width, height) = info.size;
                let extra = info.extra_channels.len();
                // Three copies of every sample as a 32-bit number (of which one is a frame kept for later
                // ones), and the result.
                let held = (3 + extra as u64) * 4 * 3 + 3;
                check(Format::Jxl, limits, width as u64, height as u64, held)?;
                let format = JxlPixelFormat {
                    color_type: JxlColorType::Rgb,
                    color_data_format: Some(JxlDataFormat::U8 { bit_depth: 8 }),
                    extra_channel_format: vec![None; extra],
                };
                decoder.set_pixel_format(format).map_err(blame)?;
            }
            Event::FrameHeader => pixels = vec![0; width * height * 3],
            Event::FrameComplete { .. } => break,
            Event::Complete => return Err(Format::Jxl.truncated("it has no frame")),
        }
    }
    finish(Format::Jxl, width as u32, height as u32, pixels)
}

fn corrupt(error: &dyn Display) -> DecodeError {
    Format::Jxl.corrupt(error.to_string())
}

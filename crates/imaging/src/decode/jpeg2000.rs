//! JPEG 2000, as a file (JP2) and as a bare codestream.

mod header;
mod samples;

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use self::header::{ColorSpace, Header, Mode};
use self::samples::{to_8_bits, to_16_bits_saturated, ycbcr_to_rgb};
use super::samples::cmyk_to_rgb;
use super::{check_held, contained, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

const JPEG2000: Format = Format::Jpeg2000;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let header = Header::read(bytes)?;
    let (width, height) = header.size;
    let components = header.components as u64;
    // The decoder holds each component three times as a 32-bit number, and tables per code block.
    let per_pixel = components * (12 + header.table_bytes_per_sample()) + 3;
    let pixels = u64::from(width).saturating_mul(height.into());
    let held = pixels
        .saturating_mul(per_pixel)
        .saturating_add(header.tile_table_bytes());
    check_held(JPEG2000, limits, width.into(), height.into(), held)?;
    // The decoder gets the bare components: their colours are up to the code here.
    let wrapped = header.wrapped();
    contained(JPEG2000, || {
        let settings = DecodeSettings {
            resolve_palette_indices: false,
            strict: true,
            target_resolution: None,
        };
        let corrupt =
            |error: hayro_jpeg2000::error::DecodeError| JPEG2000.corrupt(error.to_string());
        let image = Image::new(&wrapped, &settings).map_err(corrupt)?;
        if (image.width(), image.height()) != (width, height) {
            return Err(JPEG2000.corrupt("its headers state different sizes"));
        }
        let mut context = DecoderContext::default();
        let decoded = image.decode(&mut context).map_err(corrupt)?;
        let components: Vec<(&[f32], u8)> = decoded
            .components()
            .iter()
            .map(|component| (component.samples(), component.bit_depth()))
            .collect();
        let pixels = to_rgb(&header, &components, width as usize * height as usize);
        finish(JPEG2000, width, height, pixels?)
    })
}

/// Samples to RGB, by what Pillow makes of the file's mode and colours.
fn to_rgb(
    header: &Header<'_>,
    components: &[(&[f32], u8)],
    count: usize,
) -> Result<Vec<u8>, DecodeError> {
    if components.iter().any(|(samples, _)| samples.len() != count) {
        return Err(JPEG2000.corrupt("its components are of different sizes"));
    }
    let byte = |component: usize, at: usize| {
        let (samples, bits) = components[component];
        to_8_bits(samples[at], bits)
    };
    let pixel = |at: usize| match (&header.mode, header.color_space, components.len()) {
        (Mode::Grey16, ..) => [to_16_bits_saturated(components[0].0[at], components[0].1); 3],
        (Mode::Palette(palette), ..) => palette.color(byte(0, at)),
        (Mode::Cmyk, ColorSpace::Cmyk, 4) => cmyk_to_rgb([0, 1, 2, 3].map(|ink| byte(ink, at))),
        (_, _, 1 | 2) => [byte(0, at); 3],
        (_, ColorSpace::Sycc, _) => ycbcr_to_rgb([0, 1, 2].map(|color| byte(color, at))),
        _ => [0, 1, 2].map(|color| byte(color, at)),
    };
    Ok((0..count).flat_map(pixel).collect())
}

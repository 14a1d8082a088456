mod chunks;

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::samples::{Palette, stretch, unpack_bits};
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let codec_limits = png::Limits {
        bytes: usize::try_from(limits.max_decode_bytes).unwrap_or(usize::MAX),
    };
    let bytes = chunks::plain(bytes);
    let mut decoder = Decoder::new_with_limits(Cursor::new(&bytes[..]), codec_limits);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(blame)?;
    let (width, height, interlaced) = (header.width, header.height, header.interlaced);
    // An interlaced picture is complete only after its last pass, so that it is held twice.
    let sample_bytes = if interlaced {
        header.bytes_per_pixel() as u64
    } else {
        0
    };
    check(
        Format::Png,
        limits,
        width.into(),
        height.into(),
        3 + sample_bytes,
    )?;

    let mut reader = decoder.read_info().map_err(blame)?;
    let info = reader.info();
    // Each row has its filter in front.
    let row_bytes = 1 + (width as usize * info.bits_per_pixel()).div_ceil(8);
    let samples = Samples {
        color: info.color_type,
        bits: info.bit_depth as u8,
        // Without a palette all is black, as in Pillow.
        palette: Palette::new(
            info.palette
                .iter()
                .flat_map(|palette| palette.as_chunks::<3>().0)
                .copied(),
        ),
    };
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    if interlaced {
        let size = reader
            .output_buffer_size()
            .ok_or_else(|| Format::Png.corrupt("its size"))?;
        let mut stored = vec![0; size];
        let frame = reader.next_frame(&mut stored).map_err(blame)?;
        for row in stored.chunks_exact(frame.line_size) {
            samples.to_rgb(row, width as usize, &mut pixels);
        }
    } else {
        for done in 0..height {
            match reader.next_row() {
                Ok(Some(row)) => samples.to_rgb(row.data(), width as usize, &mut pixels),
                Ok(None) => return Err(Format::Png.truncated("rows are missing")),
                // Pillow shows what there is, if no row is cut.
                Err(DecodingError::Format(_))
                    if done > 0
                        && chunks::end_after_a_row(
                            &bytes,
                            row_bytes,
                            row_bytes as u64 * u64::from(height),
                        ) =>
                {
                    let missing = vec![0; row_bytes];
                    for _ in done..height {
                        samples.to_rgb(&missing[1..], width as usize, &mut pixels);
                    }
                    break;
                }
                Err(error) => return Err(blame(error)),
            }
        }
    }
    finish(Format::Png, width, height, pixels)
}

/// How one row of samples is stored.
struct Samples {
    color: ColorType,
    bits: u8,
    palette: Palette,
}

impl Samples {
    fn to_rgb(&self, row: &[u8], width: usize, pixels: &mut Vec<u8>) {
        let Self {
            color,
            bits,
            palette,
        } = self;
        let wide = *bits == BitDepth::Sixteen as u8;
        match (color, wide) {
            (ColorType::Grayscale, true) => {
                // Pillow's 16-bit grey mode saturates at 255 on its way to RGB.
                let levels = row.as_chunks::<2>().0.iter();
                let levels = levels.map(|&level| u16::from_be_bytes(level).min(255) as u8);
                pixels.extend(levels.flat_map(|level| [level; 3]));
            }
            (ColorType::Grayscale, false) if *bits == 8 => {
                pixels.extend(row.iter().flat_map(|&level| [level; 3]));
            }
            (ColorType::Grayscale, false) => {
                let levels = unpack_bits(row, *bits, width).map(|level| stretch(level, *bits));
                pixels.extend(levels.flat_map(|level| [level; 3]));
            }
            (ColorType::Indexed, _) => {
                let indices = unpack_bits(row, *bits, width);
                pixels.extend(indices.flat_map(|index| palette.color(index)));
            }
            (ColorType::Rgb, false) => pixels.extend_from_slice(row),
            (ColorType::GrayscaleAlpha, false) => {
                pixels.extend(
                    row.as_chunks::<2>()
                        .0
                        .iter()
                        .flat_map(|&[level, _]| [level; 3]),
                );
            }
            (ColorType::Rgba, false) => {
                pixels.extend(
                    row.as_chunks::<4>()
                        .0
                        .iter()
                        .flat_map(|&[r, g, b, _]| [r, g, b]),
                );
            }
            // Of 16 bits the high byte counts, except in grey without alpha.
            (ColorType::GrayscaleAlpha, true) => {
                pixels.extend(
                    row.as_chunks::<4>()
                        .0
                        .iter()
                        .flat_map(|&[level, ..]| [level; 3]),
                );
            }
            (ColorType::Rgb, true) => {
                let stored = row.as_chunks::<6>().0.iter();
                pixels.extend(stored.flat_map(|&[r, _, g, _, b, _]| [r, g, b]));
            }
            (ColorType::Rgba, true) => {
                let stored = row.as_chunks::<8>().0.iter();
                pixels.extend(stored.flat_map(|&[r, _, g, _, b, ..]| [r, g, b]));
            }
        }
    }
}

fn blame(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(_) => Format::Png.truncated("its data ends early"),
        error => Format::Png.corrupt(error.to_string()),
    }
}

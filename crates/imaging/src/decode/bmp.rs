mod header;
mod run_length;

use self::header::{Header, Layout};
use super::samples::unpack_bits;
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

/// Where an icon's picture has the mask of the pixels that do not show.
pub(super) enum Mask<'a> {
    /// In the last bytes of the picture, which end at `end`; or, with `has_alpha`, in the pixels.
    Behind {
        file: &'a [u8],
        end: usize,
        has_alpha: bool,
    },
    /// Above the picture, as pixels of its own. What is masked is black.
    Above,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let header = if bytes.starts_with(b"BM") {
        Header::read(bytes)
    } else {
        Header::read_dib(bytes, 0)
    };
    decode_rows(bytes, header?, limits)
}

/// The bitmap of an icon or a cursor, whose header states twice its height.
pub(super) fn decode_icon(
    bytes: &[u8],
    start: usize,
    mask: &Mask<'_>,
    limits: &Limits,
) -> Result<RgbImage, DecodeError> {
    let mut header = Header::read_dib(bytes, start)?;
    let (width, height) = (header.width as usize, header.height as usize / 2);
    let masked_above = matches!(mask, Mask::Above) && header.layout.is_grey();
    if !masked_above {
        header.height /= 2;
    }
    let data_start = header.data_start;
    let image = decode_rows(bytes, header, limits)?;
    match *mask {
        Mask::Behind {
            file,
            end,
            has_alpha,
        } => {
            let stored = if has_alpha {
                file.get(data_start..)
                    .and_then(|data| data.get(..width * height * 4))
            } else {
                let size = width.next_multiple_of(32) * height / 8;
                end.checked_sub(size).and_then(|start| file.get(start..end))
            };
            match stored {
                Some(_) => Ok(image),
                None => Err(Format::Bmp.truncated("its mask is missing")),
            }
        }
        Mask::Above if masked_above => {
            let (hidden, shown) = image.pixels().split_at(width * height * 3);
            let shown = &shown[..width * height * 3];
            let blend = |(&hidden, &shown): (&u8, &u8)| {
                let product = u32::from(255 - hidden) * u32::from(shown) + 128;
                ((product + (product >> 8)) >> 8) as u8
            };
            let pixels = hidden.iter().zip(shown).map(blend).collect();
            finish(Format::Bmp, width as u32, height as u32, pixels)
        }
        Mask::Above => Ok(image),
    }
}

fn decode_rows(bytes: &[u8], header: Header, limits: &Limits) -> Result<RgbImage, DecodeError> {
    let Header {
        width,
        height,
        top_down,
        data_start,
        ref layout,
    } = header;
    check(Format::Bmp, limits, width.into(), height.into(), 3 + 1)?;
    let data = bytes.get(data_start..).unwrap_or(&[]);
    let (width, height) = (width as usize, height as usize);

    let unpacked;
    let (rows, stride) = match layout {
        Layout::RunLength { nibbles, .. } => {
            unpacked = run_length::unpack(data, width, height, *nibbles)?;
            (&unpacked[..], width)
        }
        _ => (data, (width * layout.bits_per_pixel()).div_ceil(32) * 4),
    };
    // The last row may lack its padding.
    let row_bytes = (width * layout.bits_per_pixel()).div_ceil(8);
    if rows.len() < (height - 1) * stride + row_bytes {
        return Err(Format::Bmp.truncated("rows are missing"));
    }
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let stored_at = if top_down { y } else { height - 1 - y };
        let row = &rows[stored_at * stride..][..row_bytes];
        append_row(row, width, layout, &mut pixels);
    }
    finish(Format::Bmp, header.width, header.height, pixels)
}

fn append_row(row: &[u8], width: usize, layout: &Layout, pixels: &mut Vec<u8>) {
    match layout {
        Layout::Indexed { bits, palette, .. } => {
            let indices = unpack_bits(row, *bits, width);
            pixels.extend(indices.flat_map(|index| palette.color(index)));
        }
        Layout::RunLength { palette, .. } => {
            pixels.extend(row.iter().flat_map(|&index| palette.color(index)));
        }
        Layout::Packed16 { green_bits } => {
            let words = row
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&word| u16::from_le_bytes(word));
            pixels.extend(words.flat_map(|word| {
                let field = |shift: u32, bits: u32| {
                    let most = (1_u32 << bits) - 1;
                    ((u32::from(word) >> shift & most) * 255 / most) as u8
                };
                [field(5 + green_bits, 5), field(5, *green_bits), field(0, 5)]
            }));
        }
        Layout::Bytes {
            size,
            red,
            green,
            blue,
        } => {
            let stored = row.chunks_exact(*size);
            pixels.extend(stored.flat_map(|pixel| [pixel[*red], pixel[*green], pixel[*blue]]));
        }
    }
}

mod header;
mod run_length;

use self::header::{Header, Layout};
use super::samples::unpack_bits;
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let header = Header::read(bytes)?;
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
        Layout::Indexed { bits, palette } => {
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

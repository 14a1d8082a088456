//! Truevision Targa. It has no signature, so that only a header that makes sense counts as one.

use super::samples::{Palette, unpack_bits};
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

const HEADER: usize = 18;

/// Whether the header's fields are ones that Pillow takes.
pub(crate) fn has_header(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return false;
    };
    let size = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let map_bits = header[7];
    header[1] <= 1
        && matches!(header[2], 1..=3 | 9..=11)
        && size(12) > 0
        && size(14) > 0
        && matches!(header[16], 1 | 8 | 16 | 24 | 32)
        && (header[1] == 0 || matches!(map_bits, 16 | 24 | 32))
}

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Bits,
    Indexed,
    Grey,
    GreyAlpha,
    Packed15,
    Bytes(usize),
}

impl Layout {
    fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Bits => width.div_ceil(8),
            layout => width * layout.pixel_bytes(),
        }
    }

    fn pixel_bytes(self) -> usize {
        match self {
            Self::Bits | Self::Indexed | Self::Grey => 1,
            Self::GreyAlpha | Self::Packed15 => 2,
            Self::Bytes(size) => size,
        }
    }
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let cut = || Format::Tga.truncated("its header is cut off");
    let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(cut)?;
    let field = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (width, height) = (field(12), field(14));
    let (kind, depth) = (header[2], header[16]);
    let has_map = header[1] == 1;
    let layout = match (kind & 7, depth) {
        (1, 8) if has_map => Layout::Indexed,
        (3, 1) => Layout::Bits,
        (3, 8) => Layout::Grey,
        (3, 16) => Layout::GreyAlpha,
        (2, 16) => Layout::Packed15,
        (2, 24) => Layout::Bytes(3),
        (2, 32) => Layout::Bytes(4),
        _ => {
            return Err(Format::Tga.unsupported(format!("kind {kind} with {depth} bits per pixel")));
        }
    };
    let run_length = kind & 8 != 0;
    if run_length && layout == Layout::Bits {
        return Err(Format::Tga.unsupported("run lengths of single bits"));
    }
    check(Format::Tga, limits, width.into(), height.into(), 3 + 4)?;
    let rest = rest.get(usize::from(header[0])..).ok_or_else(cut)?;
    let (palette, data) = if has_map {
        color_map(rest, field(3).into(), field(5).into(), header[7]).ok_or_else(cut)?
    } else {
        (Palette::grey(), rest)
    };
    let (columns, rows) = (usize::from(width), usize::from(height));
    let row_bytes = layout.row_bytes(columns);
    let unpacked;
    let stored = if run_length {
        unpacked = unpack_runs(data, row_bytes, rows, layout.pixel_bytes())?;
        &unpacked[..]
    } else {
        let missing = || Format::Tga.truncated("rows are missing");
        data.get(..row_bytes * rows).ok_or_else(missing)?
    };
    let (from_right, from_top) = (header[17] & 0x10 != 0, header[17] & 0x20 != 0);
    let mut pixels = Vec::with_capacity(columns * rows * 3);
    for y in 0..rows {
        let at = if from_top { y } else { rows - 1 - y };
        let start = pixels.len();
        append_row(
            &stored[at * row_bytes..][..row_bytes],
            columns,
            layout,
            &palette,
            &mut pixels,
        );
        if from_right {
            pixels[start..].as_chunks_mut::<3>().0.reverse();
        }
    }
    finish(Format::Tga, width.into(), height.into(), pixels)
}

/// The colour map, and what is behind it.
fn color_map(rest: &[u8], first: usize, count: usize, bits: u8) -> Option<(Palette, &[u8])> {
    let size = match bits {
        16 => 2,
        24 => 3,
        32 => 4,
        _ => return None,
    };
    let (map, data) = rest.split_at_checked(count * size)?;
    let entries = map.chunks_exact(size).map(|entry| match *entry {
        [low, high] => packed15([low, high]),
        [blue, green, red, ..] => [red, green, blue],
        _ => [0; 3],
    });
    let palette = Palette::new(std::iter::repeat_n([0; 3], first).chain(entries));
    Some((palette, data))
}

fn packed15(word: [u8; 2]) -> [u8; 3] {
    let word = u32::from(u16::from_le_bytes(word));
    [10, 5, 0].map(|shift| ((word >> shift & 31) * 255 / 31) as u8)
}

fn append_row(row: &[u8], width: usize, layout: Layout, palette: &Palette, pixels: &mut Vec<u8>) {
    match layout {
        Layout::Bits => {
            pixels.extend(unpack_bits(row, 1, width).flat_map(|bit| [bit * 255; 3]));
        }
        Layout::Indexed => pixels.extend(row.iter().flat_map(|&index| palette.color(index))),
        Layout::Grey => pixels.extend(row.iter().flat_map(|&level| [level; 3])),
        Layout::GreyAlpha => {
            let stored = row.as_chunks::<2>().0.iter();
            pixels.extend(stored.flat_map(|&[level, _]| [level; 3]));
        }
        Layout::Packed15 => {
            pixels.extend(
                row.as_chunks::<2>()
                    .0
                    .iter()
                    .flat_map(|&word| packed15(word)),
            );
        }
        Layout::Bytes(size) => {
            let stored = row.chunks_exact(size);
            pixels.extend(stored.flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
        }
    }
}

/// Undoes the run lengths. A run stays within its row; pixels that stand for themselves may go on in the
/// next.
fn unpack_runs(
    data: &[u8],
    row_bytes: usize,
    rows: usize,
    pixel_bytes: usize,
) -> Result<Vec<u8>, DecodeError> {
    let total = row_bytes * rows;
    let mut unpacked = Vec::with_capacity(total);
    let mut rest = data;
    let missing = || Format::Tga.truncated("rows are missing");
    while unpacked.len() < total {
        let (&head, after) = rest.split_first().ok_or_else(missing)?;
        let length = (usize::from(head & 0x7f) + 1) * pixel_bytes;
        if head & 0x80 != 0 {
            let (pixel, after) = after.split_at_checked(pixel_bytes).ok_or_else(missing)?;
            if unpacked.len() % row_bytes + length > row_bytes {
                return Err(Format::Tga.corrupt("a run goes past the end of its row"));
            }
            for _ in 0..length / pixel_bytes {
                unpacked.extend_from_slice(pixel);
            }
            rest = after;
        } else {
            let (literals, after) = after.split_at_checked(length).ok_or_else(missing)?;
            unpacked.extend_from_slice(literals);
            rest = after;
        }
    }
    unpacked.truncate(total);
    Ok(unpacked)
}

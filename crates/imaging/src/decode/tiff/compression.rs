use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress};
use weezl::{BitOrder, decode::Decoder};

use super::layout::{Chunk, Layout};
use crate::decode::lzw;
use crate::decode::tiff_directory::{Directory, Tag};
use crate::{DecodeError, Format};

const NONE: u64 = 1;
const LZW: u64 = 5;
const DEFLATE: u64 = 8;
const PACK_BITS: u64 = 32_773;
const OLD_DEFLATE: u64 = 32_946;

/// One chunk of one plane, decompressed: its rows, as many as the chunk has inside the picture's
/// height (a tile always has all of them).
pub(super) fn read_chunk<'a>(
    file: &'a [u8],
    directory: &Directory<'_>,
    layout: &Layout,
    chunk: &Chunk,
    plane: usize,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    let index = plane * layout.chunks_per_plane() + chunk.index;
    let (offsets, counts) = if layout.tiled {
        (Tag::TileOffsets, Tag::TileByteCounts)
    } else {
        (Tag::StripOffsets, Tag::StripByteCounts)
    };
    let missing = || Format::Tiff.truncated(format!("strip or tile {index} is missing"));
    let start = directory.numbers(offsets).nth(index).ok_or_else(missing)?;
    let data = usize::try_from(start)
        .ok()
        .and_then(|start| file.get(start..));
    let data = data.ok_or_else(missing)?;

    let rows = if layout.tiled {
        layout.chunk_rows
    } else {
        layout.chunk_rows.min(layout.height - chunk.y)
    };
    let expected = layout.row_bytes() * rows;
    let mut data = Cow::Borrowed(if layout.compression == NONE {
        // Some writers state no or a wrong size here; the picture's size tells it.
        data.get(..expected).ok_or_else(missing)?
    } else {
        let count = directory.numbers(counts).nth(index).ok_or_else(missing)?;
        usize::try_from(count)
            .ok()
            .and_then(|count| data.get(..count))
            .ok_or_else(missing)?
    });
    if layout.reversed_bits {
        data.to_mut()
            .iter_mut()
            .for_each(|byte| *byte = byte.reverse_bits());
    }
    if layout.compression == NONE {
        return Ok(data);
    }

    let mut unpacked = vec![0; expected];
    let filled = match layout.compression {
        LZW => {
            let decoder = Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
            lzw::fill(decoder, &data, &mut unpacked)
                .map_err(|error| Format::Tiff.corrupt(error.to_string()))?
        }
        DEFLATE | OLD_DEFLATE => deflate(&data, &mut unpacked)?,
        PACK_BITS => pack_bits(&data, &mut unpacked),
        other => return Err(Format::Tiff.unsupported(format!("compression {}", name(other)))),
    };
    if filled < expected {
        return Err(Format::Tiff.truncated(format!("strip or tile {index} ends early")));
    }
    match layout.predictor {
        1 => {}
        _ if layout.compression == PACK_BITS => {}
        2 if layout.bits >= 8 => undo_differences(&mut unpacked, layout),
        other => return Err(Format::Tiff.unsupported(format!("predictor {other}"))),
    }
    Ok(Cow::Owned(unpacked))
}

fn name(compression: u64) -> String {
    match compression {
        2..=4 => "CCITT fax".to_owned(),
        6 | 7 => "JPEG".to_owned(),
        34_925 => "LZMA".to_owned(),
        50_000 => "Zstandard".to_owned(),
        50_001 => "WebP".to_owned(),
        other => other.to_string(),
    }
}

/// Fills `unpacked` as far as the data reaches and returns how far that is; so does the next one.
fn deflate(data: &[u8], unpacked: &mut [u8]) -> Result<usize, DecodeError> {
    let mut decompress = Decompress::new(true);
    decompress
        .decompress(data, unpacked, FlushDecompress::Finish)
        .map_err(|error| Format::Tiff.corrupt(error.to_string()))?;
    Ok(decompress.total_out() as usize)
}

fn pack_bits(mut data: &[u8], unpacked: &mut [u8]) -> usize {
    let mut filled = 0;
    while let [count, rest @ ..] = data {
        let room = unpacked.len() - filled;
        if room == 0 {
            break;
        }
        let count = count.cast_signed();
        let run = usize::from(count.unsigned_abs()) + 1;
        let target = &mut unpacked[filled..filled + run.min(room)];
        if count >= 0 {
            let literals = &rest[..run.min(rest.len())];
            let copied = literals.len().min(target.len());
            target[..copied].copy_from_slice(&literals[..copied]);
            filled += copied;
            data = &rest[literals.len()..];
        } else if count == i8::MIN {
            data = rest;
        } else {
            let [value, after @ ..] = rest else { break };
            target.fill(*value);
            filled += target.len();
            data = after;
        }
    }
    filled
}

/// Each sample was stored as its difference to the same sample of the pixel before.
fn undo_differences(rows: &mut [u8], layout: &Layout) {
    let size = usize::from(layout.bits) / 8;
    let distance = layout.adjacent_samples() * size;
    for row in rows.chunks_exact_mut(layout.row_bytes()) {
        for at in (distance..row.len()).step_by(size) {
            if size == 1 {
                row[at] = row[at].wrapping_add(row[at - distance]);
            } else {
                let sum = load(row, at - distance, layout).wrapping_add(load(row, at, layout));
                store(row, at, sum, layout);
            }
        }
    }
}

fn load(row: &[u8], at: usize, layout: &Layout) -> u32 {
    let bytes = &row[at..at + usize::from(layout.bits) / 8];
    let append = |value: u32, &byte: &u8| value << 8 | u32::from(byte);
    if layout.big_endian {
        bytes.iter().fold(0, append)
    } else {
        bytes.iter().rev().fold(0, append)
    }
}

fn store(row: &mut [u8], at: usize, value: u32, layout: &Layout) {
    let size = usize::from(layout.bits) / 8;
    for (index, byte) in row[at..at + size].iter_mut().enumerate() {
        let shift = if layout.big_endian {
            size - 1 - index
        } else {
            index
        } * 8;
        *byte = (value >> shift) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::pack_bits;

    #[test]
    fn pack_bits_runs_and_literals() {
        let mut unpacked = [0; 8];
        // Apple's own example begins like this: a run of three, two literals, a no-op.
        let data = [0xfe, 0xaa, 0x01, 0x80, 0x00, 0x80, 0xfe, 0x22];
        assert_eq!(pack_bits(&data, &mut unpacked), 8);
        assert_eq!(unpacked, [0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x22, 0x22, 0x22]);
        assert_eq!(pack_bits(&[0x05, 1, 2], &mut unpacked), 2);
        assert_eq!(pack_bits(&[0x81], &mut unpacked), 0);
    }
}

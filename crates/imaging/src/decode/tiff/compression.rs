use std::borrow::Cow;
use std::io::Read;

use flate2::{Decompress, FlushDecompress};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use weezl::{BitOrder, decode::Decoder};

use super::layout::{Chunk, Layout};
use super::pixels::Kind;
use super::{fax, jpeg_part, predictor};
use crate::decode::lzw;
use crate::decode::tiff_directory::{Directory, Numbers, Tag};
use crate::{DecodeError, Format, Limits};

pub(super) const NONE: u64 = 1;
/// CCITT fax: bare rows, or with T.4's marks, or T.6.
const FAX_ROWS: u64 = 2;
pub(super) const FAX_GROUP_3: u64 = 3;
pub(super) const FAX_GROUP_4: u64 = 4;
pub(super) const JPEG: u64 = 7;
const LZMA: u64 = 34_925;
const ZSTANDARD: u64 = 50_000;
/// What the strongest preset of LZMA's encoder asks for.
const MAX_DICTIONARY_KIB: u32 = 66 << 10;
const LZW: u64 = 5;
const DEFLATE: u64 = 8;
const PACK_BITS: u64 = 32_773;
const OLD_DEFLATE: u64 = 32_946;

/// Where the chunks lie in the file.
pub(super) struct Chunks<'a> {
    file: &'a [u8],
    offsets: Numbers<'a>,
    counts: Numbers<'a>,
    /// One chunk in each plane: then its size may be missing.
    single: bool,
    /// Of several uncompressed chunks that each cover the whole picture, Pillow shows this one.
    shown: Option<u64>,
    /// The tables that the chunks' JPEG data share.
    jpeg_tables: &'a [u8],
}

impl<'a> Chunks<'a> {
    pub(super) fn new(file: &'a [u8], directory: &'a Directory<'a>, layout: &Layout) -> Self {
        let (offsets, counts) = if layout.tiled {
            (Tag::TileOffsets, Tag::TileByteCounts)
        } else {
            (Tag::StripOffsets, Tag::StripByteCounts)
        };
        let single = layout.chunks_per_plane() == 1;
        let length = if layout.tiled {
            Tag::TileLength
        } else {
            Tag::RowsPerStrip
        };
        let exact = directory
            .number(length)
            .is_none_or(|rows| rows == layout.height as u64)
            && layout.chunk_width == layout.width;
        let shown = match layout.compression == NONE && single && !layout.planar {
            true if exact => directory.numbers(offsets).last(),
            true => directory.numbers(offsets).max(),
            false => None,
        };
        Self {
            file,
            offsets: directory.list(offsets),
            counts: directory.list(counts),
            single,
            shown,
            jpeg_tables: directory.bytes(Tag::JpegTables).unwrap_or(&[]),
        }
    }

    /// One chunk of one plane, decompressed: its rows, as many as the chunk has inside the
    /// picture's height (a tile always has all of them).
    pub(super) fn read(
        &self,
        layout: &Layout,
        chunk: &Chunk,
        plane: usize,
        limits: &Limits,
    ) -> Result<Cow<'a, [u8]>, DecodeError> {
        let index = plane * layout.chunks_per_plane() + chunk.index;
        let missing = || Format::Tiff.truncated(format!("strip or tile {index} is missing"));
        let start = self
            .shown
            .or_else(|| self.offsets.get(index))
            .ok_or_else(missing)?;
        let data = usize::try_from(start)
            .ok()
            .and_then(|start| self.file.get(start..));
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
            match self.counts.get(index) {
                None | Some(0) if self.single => data,
                count => {
                    let count = count.and_then(|count| usize::try_from(count).ok());
                    data.get(..count.ok_or_else(missing)?).ok_or_else(missing)?
                }
            }
        });
        if layout.reversed_bits {
            let bytes = data.to_mut().iter_mut();
            bytes.for_each(|byte| *byte = byte.reverse_bits());
        }
        if layout.compression == NONE {
            return Ok(data);
        }
        if layout.compression == JPEG {
            return jpeg_part::read(self.jpeg_tables, &data, layout, rows, limits).map(Cow::Owned);
        }

        let blocks = match &layout.kind {
            Kind::ConvertedYCbCr(blocks) if !blocks.is_plain() => Some(blocks),
            _ => None,
        };
        let expected = blocks.map_or(expected, |it| it.stored_bytes(layout.chunk_width, rows));
        let mut unpacked = vec![0; expected];
        let filled = match layout.compression {
            LZW => {
                let decoder = Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
                lzw::fill(decoder, &data, &mut unpacked)
                    .map_err(|error| Format::Tiff.corrupt(error.to_string()))?
            }
            DEFLATE | OLD_DEFLATE => deflate(&data, &mut unpacked)?,
            PACK_BITS => pack_bits(&data, &mut unpacked),
            LZMA => {
                let mut reader = XzReader::new_mem_limit(&data[..], true, MAX_DICTIONARY_KIB);
                fill(&mut reader, &mut unpacked)?
            }
            ZSTANDARD => {
                let reader = StreamingDecoder::new(&data[..]);
                let mut reader = reader.map_err(|error| Format::Tiff.corrupt(error.to_string()))?;
                fill(&mut reader, &mut unpacked)?
            }
            FAX_ROWS | FAX_GROUP_3 | FAX_GROUP_4 => fax::fill(&data, layout, rows, &mut unpacked)?,
            other => return Err(Format::Tiff.unsupported(format!("compression {}", name(other)))),
        };
        if filled < expected {
            return Err(Format::Tiff.truncated(format!("strip or tile {index} ends early")));
        }
        let predicted = matches!(
            layout.compression,
            LZW | DEFLATE | OLD_DEFLATE | LZMA | ZSTANDARD
        );
        match layout.predictor {
            _ if !predicted => {}
            1 => {}
            2 | 3 if blocks.is_some() => {
                return Err(Format::Tiff.unsupported("differences between blocks of YCbCr"));
            }
            2 if layout.bits >= 8 => predictor::undo_differences(&mut unpacked, layout),
            3 if layout.bits == 32 => predictor::undo_float_differences(&mut unpacked, layout),
            other => return Err(Format::Tiff.unsupported(format!("predictor {other}"))),
        }
        Ok(Cow::Owned(match blocks {
            Some(blocks) => blocks.spread(&unpacked, layout.chunk_width, rows),
            None => unpacked,
        }))
    }
}

/// Reads as much as `unpacked` takes or as there is; returns how much that is.
fn fill(reader: &mut impl Read, unpacked: &mut [u8]) -> Result<usize, DecodeError> {
    let mut filled = 0;
    while filled < unpacked.len() {
        match reader.read(&mut unpacked[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) => return Err(Format::Tiff.corrupt(error.to_string())),
        }
    }
    Ok(filled)
}

fn name(compression: u64) -> String {
    match compression {
        6 => "old-style JPEG".to_owned(),
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

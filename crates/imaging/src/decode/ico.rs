//! Windows icons and cursors: of several pictures the one that Pillow takes.

use super::{bmp, png};
use crate::{DecodeError, Format, Limits, RgbImage};

const HEADER: usize = 6;
const ENTRY: usize = 16;

struct Entry {
    width: u8,
    height: u8,
    colors: u8,
    bits: u16,
    size: usize,
    offset: usize,
}

/// The entries, and whether all that the header counts are there.
fn entries(bytes: &[u8]) -> (Vec<Entry>, bool) {
    let count = bytes
        .get(4..HEADER)
        .map_or(0, |count| u16::from_le_bytes([count[0], count[1]]));
    let stored = bytes.get(HEADER..).unwrap_or(&[]).as_chunks::<ENTRY>().0;
    let number = |field: &[u8]| {
        field
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
    };
    let entries: Vec<_> = stored
        .iter()
        .take(count.into())
        .map(|entry| Entry {
            width: entry[0],
            height: entry[1],
            colors: entry[2],
            bits: u16::from_le_bytes([entry[6], entry[7]]),
            size: number(&entry[8..12]),
            offset: number(&entry[12..]),
        })
        .collect();
    let complete = entries.len() == usize::from(count);
    (entries, complete)
}

impl Entry {
    fn pixels(&self) -> u32 {
        let side = |side: u8| if side == 0 { 256 } else { u32::from(side) };
        side(self.width) * side(self.height)
    }

    /// As far as the entry states it, and that is only used to choose between equal sizes.
    fn depth(&self) -> u32 {
        match (self.bits, self.colors) {
            (0, 0 | 1) => 256,
            (0, colors) => u32::from(colors).next_power_of_two().ilog2(),
            (bits, _) => bits.into(),
        }
    }
}

/// An icon: the largest picture, and of several the one of the least depth.
pub(super) fn decode_icon(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let (entries, complete) = entries(bytes);
    if !complete {
        return Err(Format::Ico.truncated("its list of pictures is cut off"));
    }
    let entry = entries
        .iter()
        .min_by_key(|entry| (std::cmp::Reverse(entry.pixels()), entry.depth()))
        .ok_or_else(|| Format::Ico.corrupt("it has no picture"))?;
    let picture = bytes.get(entry.offset..).unwrap_or(&[]);
    if picture.is_empty() {
        return Err(Format::Ico.truncated("its largest picture is missing"));
    }
    if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        return png::decode(picture, limits);
    }
    let mask = bmp::Mask::Behind {
        file: bytes,
        end: entry.offset.saturating_add(entry.size),
        has_alpha: entry.bits == 32,
    };
    bmp::decode_icon(bytes, entry.offset, &mask, limits)
}

/// A cursor: the first picture, or a later one that is both wider and higher.
pub(super) fn decode_cursor(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let (entries, complete) = entries(bytes);
    if !complete {
        return Err(Format::Cur.truncated("its list of pictures is cut off"));
    }
    let entry = entries.iter().reduce(|largest, entry| {
        if entry.width > largest.width && entry.height > largest.height {
            entry
        } else {
            largest
        }
    });
    let entry = entry.ok_or_else(|| Format::Cur.corrupt("it has no picture"))?;
    bmp::decode_icon(bytes, entry.offset, &bmp::Mask::Above, limits)
}

//! Apple icons: the largest picture of those that Pillow knows.

use super::boxes::Reader;
use super::{check, finish, jpeg2000, png};
use crate::{DecodeError, Format, Limits, RgbImage};

/// What a block holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A PNG or JPEG 2000 file.
    Picture,
    /// Bare colours of a square of this side.
    Colors(u32),
}

/// The names of blocks, the largest first.
const BLOCKS: [(&[u8; 4], Kind); 15] = [
    (b"ic10", Kind::Picture),
    (b"ic09", Kind::Picture),
    (b"ic14", Kind::Picture),
    (b"ic08", Kind::Picture),
    (b"ic13", Kind::Picture),
    (b"ic07", Kind::Picture),
    (b"it32", Kind::Colors(128)),
    (b"icp6", Kind::Picture),
    (b"ih32", Kind::Colors(48)),
    (b"ic12", Kind::Picture),
    (b"icp5", Kind::Picture),
    (b"il32", Kind::Colors(32)),
    (b"ic11", Kind::Picture),
    (b"icp4", Kind::Picture),
    (b"is32", Kind::Colors(16)),
];

struct Block<'a> {
    name: [u8; 4],
    data: &'a [u8],
    /// The file ends inside it.
    is_cut: bool,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let blocks = blocks(bytes)?;
    for (name, kind) in BLOCKS {
        let Some(block) = blocks.iter().rfind(|block| block.name == *name) else {
            continue;
        };
        let data = block.data;
        let Kind::Colors(side) = kind else {
            return decode_picture(data, limits);
        };
        if block.is_cut {
            return Err(Format::Icns.truncated("its largest picture is cut off"));
        }
        // This size alone has four zeros in front.
        let data = match name {
            b"it32" => data.strip_prefix(&[0; 4]),
            _ => Some(data),
        };
        let data =
            data.ok_or_else(|| Format::Icns.corrupt("its it32 block has no zeros in front"))?;
        return decode_colors(data, side, limits);
    }
    Err(Format::Icns.unsupported("no picture of 24 bits or more"))
}

/// The named blocks; of the last one what is there, which matters only if its picture is the largest.
fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, DecodeError> {
    let cut = || Format::Icns.truncated("a block is cut off");
    let mut reader = Reader(bytes);
    let (_, size) = reader.u32().zip(reader.u32()).ok_or_else(cut)?;
    let mut blocks = vec![];
    let mut at = 8;
    while at < u64::from(size) {
        let name = reader.array().ok_or_else(cut)?;
        let length = reader.u32().ok_or_else(cut)?;
        let data = length.checked_sub(8);
        let data =
            data.ok_or_else(|| Format::Icns.corrupt("a block is shorter than its header"))?;
        let is_cut = reader.0.len() < data as usize;
        let data = reader.take(reader.0.len().min(data as usize));
        blocks.push(Block {
            name,
            data: data.unwrap_or_default(),
            is_cut,
        });
        at += u64::from(length);
    }
    Ok(blocks)
}

fn decode_picture(data: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    match Format::of(data) {
        Some(Format::Png) => png::decode(data, limits),
        Some(Format::Jpeg2000) => jpeg2000::decode(data, limits),
        _ => Err(Format::Icns.unsupported("its largest picture is neither PNG nor JPEG 2000")),
    }
}

/// Red, green and blue one after the other, in run lengths; or pixel by pixel, where that takes no fewer
/// bytes.
fn decode_colors(data: &[u8], side: u32, limits: &Limits) -> Result<RgbImage, DecodeError> {
    check(Format::Icns, limits, side.into(), side.into(), 3)?;
    let count = (side * side) as usize;
    if data.len() == count * 3 {
        return finish(Format::Icns, side, side, data.to_vec());
    }
    let missing = || Format::Icns.truncated("pixels are missing");
    let mut pixels = vec![0; count * 3];
    let mut reader = Reader(data);
    for band in 0..3 {
        let mut at = 0;
        while at < count {
            let head = reader.u8().ok_or_else(missing)?;
            let run = match head {
                0x80.. => vec![reader.u8().ok_or_else(missing)?; usize::from(head) - 125],
                _ => reader
                    .take(usize::from(head) + 1)
                    .ok_or_else(missing)?
                    .to_vec(),
            };
            if at + run.len() > count {
                return Err(Format::Icns.corrupt("a run goes past the end"));
            }
            for sample in run {
                pixels[at * 3 + band] = sample;
                at += 1;
            }
        }
    }
    finish(Format::Icns, side, side, pixels)
}

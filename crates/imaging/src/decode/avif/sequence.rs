//! The first frame of an AVIF image sequence (an animation), found in its tracks.

use super::container::{Coding, Picture};
use super::matrix::Colors;
use crate::decode::boxes::{Reader, boxes, find};
use crate::{DecodeError, Format};

pub(super) fn open(file: &[u8], movie: &[u8]) -> Result<Picture, DecodeError> {
    let tracks = || {
        boxes(movie)
            .filter(|found| found.kind == *b"trak")
            .map(|found| found.payload)
    };
    // A track that helps another one holds its alpha.
    let helps =
        |track: &[u8]| find(track, b"tref").is_some_and(|tref| find(tref, b"auxl").is_some());
    let track = tracks()
        .find(|track| !helps(track) && sample_table(track).is_some())
        .ok_or_else(|| Format::Avif.corrupt("it has no track of AV1 frames"))?;
    let premultiplied = find(track, b"tref").is_some_and(|tref| find(tref, b"prem").is_some());
    let (frame, table) = sample_table(track)
        .zip(stored_frame(track))
        .ok_or_else(|| Format::Avif.corrupt("its track cannot be read"))?;
    let start = usize::try_from(table.0).unwrap_or(usize::MAX);
    let data = file
        .get(start..)
        .and_then(|rest| rest.get(..table.1 as usize));
    let data = data.ok_or_else(|| Format::Avif.truncated("its first frame is missing"))?;
    Ok(Picture {
        width: frame.width,
        height: frame.height,
        coding: frame.coding,
        columns: 1,
        tiles: vec![data.to_vec()],
        tile_width: frame.width,
        tile_height: frame.height,
        colors: frame.colors,
        has_alpha: tracks().any(helps),
        premultiplied,
    })
}

struct Frame {
    width: u32,
    height: u32,
    coding: Coding,
    colors: Option<Colors>,
}

fn tables(track: &[u8]) -> Option<&[u8]> {
    let media = find(track, b"mdia")?;
    find(find(media, b"minf")?, b"stbl")
}

/// What the track's frames look like; `None` for a track of something else.
fn sample_table(track: &[u8]) -> Option<Frame> {
    let mut descriptions = Reader(find(tables(track)?, b"stsd")?);
    descriptions.version()?;
    descriptions.u32()?;
    let mut entry = Reader(find(descriptions.0, b"av01")?);
    entry.take(24)?;
    let (width, height) = (entry.u16()?, entry.u16()?);
    entry.take(50)?;
    Some(Frame {
        width: width.into(),
        height: height.into(),
        coding: Coding::read(find(entry.0, b"av1C")?)?,
        colors: boxes(entry.0)
            .filter(|found| found.kind == *b"colr")
            .find_map(|found| Colors::read(found.payload)),
    })
}

/// Where the first frame is stored: its offset and its length.
fn stored_frame(track: &[u8]) -> Option<(u64, u32)> {
    let tables = tables(track)?;
    let mut sizes = Reader(find(tables, b"stsz")?);
    sizes.version()?;
    let (common, _count) = (sizes.u32()?, sizes.u32()?);
    let length = if common == 0 { sizes.u32()? } else { common };
    let offset = match find(tables, b"stco") {
        Some(offsets) => u64::from(Reader(offsets.get(8..)?).u32()?),
        None => Reader(find(tables, b"co64")?.get(8..)?).u64()?,
    };
    Some((offset, length))
}

//! The picture that an AVIF file opens with, found in its boxes (HEIF, ISO/IEC 23008-12).

use std::collections::HashMap;

use super::matrix::Colors;
use super::sequence;
use crate::decode::boxes::{Reader, boxes, find};
use crate::{DecodeError, Format};

/// Most tiles that a grid may have: 256 × 256.
const MAX_TILES: usize = 1 << 16;
/// Most pieces that one item may be stored in.
const MAX_EXTENTS: usize = 1 << 16;

/// Most items that are looked at for the picture's alpha; depth and gain maps are others.
const MAX_HELPERS: usize = 16;

/// What a file says about its first picture.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) coding: Coding,
    pub(super) columns: u32,
    /// The AV1 data of each tile, row by row; just one without a grid.
    pub(super) tiles: Vec<Vec<u8>>,
    /// All tiles have this size, and the last ones may stick out of the picture.
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    /// The container's word on the colours, which beats the AV1 data's.
    pub(super) colors: Option<Colors>,
    pub(super) has_alpha: bool,
    pub(super) premultiplied: bool,
}

/// From the `av1C` box: what decoding will take.
#[derive(Clone, Copy)]
pub(super) struct Coding {
    pub(super) bits: u8,
    pub(super) monochrome: bool,
    pub(super) subsampled_x: bool,
    pub(super) subsampled_y: bool,
}

impl Coding {
    pub(super) fn read(av1c: &[u8]) -> Option<Self> {
        let flags = *av1c.get(2)?;
        let bit = |index: u8| flags >> index & 1 == 1;
        Some(Self {
            bits: match (bit(6), bit(5)) {
                (false, _) => 8,
                (true, false) => 10,
                (true, true) => 12,
            },
            monochrome: bit(4),
            subsampled_x: bit(3),
            subsampled_y: bit(2),
        })
    }
}

/// One item's properties, as far as they matter here.
#[derive(Default)]
struct Properties {
    size: Option<(u32, u32)>,
    coding: Option<Coding>,
    colors: Option<Colors>,
    rotation: Option<u8>,
    mirror: Option<u8>,
    is_alpha: bool,
}

/// The `meta` box's tables.
struct Meta<'a> {
    primary: u32,
    kinds: HashMap<u32, [u8; 4]>,
    references: Vec<Reference>,
    properties: &'a [u8],
    data: &'a [u8],
    locations: HashMap<u32, Location>,
}

/// One item's relation to others.
struct Reference {
    from: u32,
    kind: [u8; 4],
    to: Vec<u32>,
}

struct Location {
    /// 0: offsets count from the start of the file; 1: from the start of `idat`.
    method: u8,
    extents: Vec<(u64, u64)>,
}

fn corrupt(reason: &str) -> DecodeError {
    Format::Avif.corrupt(reason)
}

/// Finds the first picture: the track's first frame where the file says that it is a sequence, else the
/// primary item.
pub(super) fn open(file: &[u8]) -> Result<Picture, DecodeError> {
    let brand = find(file, b"ftyp").and_then(<[u8]>::first_chunk);
    if brand == Some(b"avis")
        && let Some(movie) = find(file, b"moov")
    {
        return sequence::open(file, movie);
    }
    let meta = meta_of(file).ok_or_else(|| corrupt("its meta box is missing or cannot be read"))?;
    meta.picture(file)
}

/// The EXIF orientation that the primary item's `irot` and `imir` properties stand for, as Pillow
/// counts it; 1 for a file without them.
pub(crate) fn orientation_of(file: &[u8]) -> Option<u16> {
    let meta = meta_of(file)?;
    let properties = meta.properties_of(meta.primary);
    Some(match (properties.rotation, properties.mirror) {
        (None | Some(0), None) => 1,
        (None | Some(0), Some(0)) => 4,
        (None | Some(0), Some(_)) => 2,
        (Some(1), None) => 8,
        (Some(1), Some(0)) => 5,
        (Some(1), Some(_)) => 7,
        (Some(2), None) => 3,
        (Some(2), Some(0)) => 2,
        (Some(2), Some(_)) => 4,
        (Some(_), None) => 6,
        (Some(_), Some(0)) => 7,
        (Some(_), Some(_)) => 5,
    })
}

/// What codes the file's primary item: `av01`, `hvc1`, `grid`, ...
pub(crate) fn coding_of(file: &[u8]) -> Option<[u8; 4]> {
    let meta = meta_of(file)?;
    let kind = *meta.kinds.get(&meta.primary)?;
    if kind != *b"grid" {
        return Some(kind);
    }
    let first = *meta.targets(meta.primary, b"dimg").first()?;
    meta.kinds.get(&first).copied()
}

fn meta_of(file: &[u8]) -> Option<Meta<'_>> {
    let mut meta = Reader(find(file, b"meta")?);
    meta.version()?;
    let meta = meta.0;
    let mut primary = Reader(find(meta, b"pitm")?);
    let (version, _) = primary.version()?;
    let primary = primary.sized(if version == 0 { 2 } else { 4 })? as u32;
    Some(Meta {
        primary,
        kinds: kinds(find(meta, b"iinf")?)?,
        references: find(meta, b"iref").map_or(Some(vec![]), references)?,
        properties: find(meta, b"iprp").unwrap_or(&[]),
        data: find(meta, b"idat").unwrap_or(&[]),
        locations: locations(find(meta, b"iloc")?)?,
    })
}

fn kinds(iinf: &[u8]) -> Option<HashMap<u32, [u8; 4]>> {
    let mut reader = Reader(iinf);
    let (version, _) = reader.version()?;
    reader.sized(if version == 0 { 2 } else { 4 })?;
    let mut kinds = HashMap::new();
    for entry in boxes(reader.0).filter(|entry| entry.kind == *b"infe") {
        let mut entry = Reader(entry.payload);
        let (version, _) = entry.version()?;
        if version >= 2 {
            let item = entry.sized(if version == 2 { 2 } else { 4 })? as u32;
            entry.u16()?;
            kinds.insert(item, entry.array()?);
        }
    }
    Some(kinds)
}

fn references(iref: &[u8]) -> Option<Vec<Reference>> {
    let mut reader = Reader(iref);
    let (version, _) = reader.version()?;
    let id_bytes = if version == 0 { 2 } else { 4 };
    boxes(reader.0)
        .map(|reference| {
            let mut reader = Reader(reference.payload);
            let from = reader.sized(id_bytes)? as u32;
            let count = reader.u16()?;
            let to = (0..count)
                .map(|_| reader.sized(id_bytes).map(|id| id as u32))
                .collect::<Option<_>>()?;
            let kind = reference.kind;
            Some(Reference { from, kind, to })
        })
        .collect()
}

fn locations(iloc: &[u8]) -> Option<HashMap<u32, Location>> {
    let mut reader = Reader(iloc);
    let (version, _) = reader.version()?;
    let sizes = reader.u16()?;
    let [offset_bytes, length_bytes, base_bytes, index_bytes] =
        [12, 8, 4, 0].map(|shift| (sizes >> shift & 15) as u8);
    let id_bytes = if version < 2 { 2 } else { 4 };
    let count = reader.sized(id_bytes)?;
    let mut locations = HashMap::new();
    for _ in 0..count {
        let item = reader.sized(id_bytes)? as u32;
        let method = if version > 0 { reader.u16()? & 15 } else { 0 };
        reader.u16()?;
        let base = reader.sized(base_bytes)?;
        let count = usize::from(reader.u16()?);
        let mut extents = Vec::new();
        for _ in 0..count.min(MAX_EXTENTS) {
            if version > 0 {
                reader.sized(index_bytes)?;
            }
            let offset = base.checked_add(reader.sized(offset_bytes)?)?;
            extents.push((offset, reader.sized(length_bytes)?));
        }
        let method = method as u8;
        locations.insert(item, Location { method, extents });
    }
    Some(locations)
}

impl Meta<'_> {
    fn picture(&self, file: &[u8]) -> Result<Picture, DecodeError> {
        let properties = self.properties_of(self.primary);
        let (width, height) = properties
            .size
            .ok_or_else(|| corrupt("its primary item has no size"))?;
        let kind = self.kinds.get(&self.primary);
        let kind = *kind.ok_or_else(|| corrupt("its primary item is missing"))?;
        let alpha = self
            .references
            .iter()
            .filter(|reference| reference.kind == *b"auxl" && reference.to.contains(&self.primary))
            .take(MAX_HELPERS)
            .find(|reference| self.properties_of(reference.from).is_alpha)
            .map(|reference| reference.from);
        let premultiplied =
            alpha.is_some_and(|alpha| self.targets(self.primary, b"prem").contains(&alpha));

        let (items, columns, first) = match &kind {
            b"av01" => (vec![self.primary], 1, self.properties_of(self.primary)),
            b"grid" => {
                let grid = self.data_of(file, self.primary)?;
                let (columns, rows, size) =
                    grid_of(&grid).ok_or_else(|| corrupt("its grid cannot be read"))?;
                let tiles = self.targets(self.primary, b"dimg");
                let count = (columns * rows) as usize;
                if size != (width, height) || tiles.len() != count || count > MAX_TILES {
                    return Err(corrupt("its grid does not fit its tiles"));
                }
                let first = self.properties_of(tiles[0]);
                (tiles, columns, first)
            }
            other => {
                return Err(Format::Avif.unsupported(format!(
                    "its picture is coded as '{}', not as AV1",
                    other.escape_ascii()
                )));
            }
        };
        let coding = first
            .coding
            .ok_or_else(|| corrupt("its av1C box is missing"))?;
        let (tile_width, tile_height) = first
            .size
            .ok_or_else(|| corrupt("its tiles have no size"))?;
        let rows = items.len() as u32 / columns;
        // The last tiles may stick out, but none may lie outside.
        let fills = |tile: u32, count: u32, side: u32| {
            let (tile, side) = (u64::from(tile), u64::from(side));
            tile * u64::from(count) >= side && tile * u64::from(count - 1) < side
        };
        if !fills(tile_width, columns, width) || !fills(tile_height, rows, height) {
            return Err(corrupt("its tiles do not fill it"));
        }
        let mut tiles = Vec::with_capacity(items.len());
        let mut total = 0;
        for item in &items {
            if self.kinds.get(item) != Some(b"av01") {
                return Err(corrupt("a tile of its grid is not coded as AV1"));
            }
            let data = self.data_of(file, *item)?;
            total += data.len();
            if total > file.len() {
                return Err(corrupt("its tiles share their data"));
            }
            tiles.push(data);
        }
        Ok(Picture {
            width,
            height,
            coding,
            columns,
            tiles,
            tile_width,
            tile_height,
            colors: properties.colors.or(first.colors),
            has_alpha: alpha.is_some(),
            premultiplied,
        })
    }

    fn targets(&self, from: u32, kind: &[u8; 4]) -> Vec<u32> {
        let found = self
            .references
            .iter()
            .find(|reference| reference.from == from && reference.kind == *kind);
        found.map_or(vec![], |found| found.to.clone())
    }

    fn data_of(&self, file: &[u8], item: u32) -> Result<Vec<u8>, DecodeError> {
        let location = self.locations.get(&item);
        let location = location.ok_or_else(|| corrupt("an item has no location"))?;
        let source = match location.method {
            0 => file,
            1 => self.data,
            method => {
                return Err(Format::Avif.unsupported(format!("construction method {method}")));
            }
        };
        let mut data = Vec::new();
        for &(offset, length) in &location.extents {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = source.get(start..).unwrap_or(&[]);
            // A length of zero means everything up to the end.
            let length = match length {
                0 => rest.len(),
                length => usize::try_from(length).unwrap_or(usize::MAX),
            };
            let piece = rest.get(..length).filter(|piece| !piece.is_empty());
            let piece = piece.ok_or_else(|| Format::Avif.truncated("an item's data is missing"))?;
            // No honest file stores a byte twice.
            if data.len() + piece.len() > file.len() {
                return Err(corrupt("an item's pieces overlap"));
            }
            data.extend_from_slice(piece);
        }
        if data.is_empty() {
            return Err(Format::Avif.truncated("an item's data is missing"));
        }
        Ok(data)
    }

    fn properties_of(&self, item: u32) -> Properties {
        let mut properties = Properties::default();
        let store = find(self.properties, b"ipco").unwrap_or(&[]);
        let store: Vec<_> = boxes(store).collect();
        for association in boxes(self.properties).filter(|found| found.kind == *b"ipma") {
            for index in associated(association.payload, item).unwrap_or_default() {
                if let Some(property) = usize::from(index)
                    .checked_sub(1)
                    .and_then(|at| store.get(at))
                {
                    properties.add(property.kind, property.payload);
                }
            }
        }
        properties
    }
}

/// The properties (counted from 1) that an `ipma` box gives to an item.
fn associated(ipma: &[u8], item: u32) -> Option<Vec<u16>> {
    let mut reader = Reader(ipma);
    let (version, flags) = reader.version()?;
    let mut found = Vec::new();
    for _ in 0..reader.u32()? {
        let id = reader.sized(if version == 0 { 2 } else { 4 })? as u32;
        for _ in 0..reader.u8()? {
            let index = if flags & 1 == 1 {
                reader.u16()? & 0x7fff
            } else {
                u16::from(reader.u8()? & 0x7f)
            };
            if id == item {
                found.push(index);
            }
        }
    }
    Some(found)
}

impl Properties {
    fn add(&mut self, kind: [u8; 4], payload: &[u8]) {
        let mut reader = Reader(payload);
        match &kind {
            b"ispe" => {
                reader.version();
                self.size = reader.u32().zip(reader.u32());
            }
            b"av1C" => self.coding = Coding::read(payload),
            b"colr" => self.colors = self.colors.or(Colors::read(payload)),
            b"irot" => self.rotation = payload.first().map(|byte| byte & 3),
            b"imir" => self.mirror = payload.first().map(|byte| byte & 1),
            b"auxC" => {
                let name = payload.get(4..).unwrap_or(&[]);
                let name = name.split(|&byte| byte == 0).next().unwrap_or(&[]);
                self.is_alpha = name == b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
                    || name == b"urn:mpeg:hevc:2015:auxid:1";
            }
            _ => {}
        }
    }
}

/// A grid's columns, rows and the picture's size.
fn grid_of(grid: &[u8]) -> Option<(u32, u32, (u32, u32))> {
    let mut reader = Reader(grid);
    let [_version, flags, rows, columns] = reader.array()?;
    let bytes = if flags & 1 == 1 { 4 } else { 2 };
    let size = (reader.sized(bytes)? as u32, reader.sized(bytes)? as u32);
    Some((u32::from(columns) + 1, u32::from(rows) + 1, size))
}

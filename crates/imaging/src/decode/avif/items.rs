//! A HEIF file's items: what they are, how they relate, where their data is.

use std::collections::HashMap;

use super::container::corrupt;
use crate::decode::boxes::{Reader, boxes, find};
use crate::{DecodeError, Format};

/// Most pieces that one item may be stored in.
const MAX_EXTENTS: usize = 1 << 16;

/// The `meta` box's tables.
pub(super) struct Meta<'a> {
    pub(super) primary: u32,
    pub(super) kinds: HashMap<u32, [u8; 4]>,
    pub(super) references: Vec<Reference>,
    pub(super) properties: &'a [u8],
    data: &'a [u8],
    locations: HashMap<u32, Location>,
}

/// One item's relation to others.
pub(super) struct Reference {
    pub(super) from: u32,
    pub(super) kind: [u8; 4],
    pub(super) to: Vec<u32>,
}

struct Location {
    /// 0: offsets count from the start of the file; 1: from the start of `idat`.
    method: u8,
    extents: Vec<(u64, u64)>,
}

impl<'a> Meta<'a> {
    pub(super) fn read(file: &'a [u8]) -> Option<Self> {
        let mut meta = Reader(find(file, b"meta")?);
        meta.version()?;
        let meta = meta.0;
        let mut primary = Reader(find(meta, b"pitm")?);
        let (version, _) = primary.version()?;
        let primary = primary.sized(if version == 0 { 2 } else { 4 })? as u32;
        Some(Self {
            primary,
            kinds: kinds(find(meta, b"iinf")?)?,
            references: find(meta, b"iref").map_or(Some(vec![]), references)?,
            properties: find(meta, b"iprp").unwrap_or(&[]),
            data: find(meta, b"idat").unwrap_or(&[]),
            locations: locations(find(meta, b"iloc")?)?,
        })
    }

    pub(super) fn targets(&self, from: u32, kind: &[u8; 4]) -> Vec<u32> {
        let found = self
            .references
            .iter()
            .find(|reference| reference.from == from && reference.kind == *kind);
        found.map_or(vec![], |found| found.to.clone())
    }

    pub(super) fn data_of(&self, file: &[u8], item: u32) -> Result<Vec<u8>, DecodeError> {
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

//! What a HEIF file says about one item.

use super::container::Coding;
use super::items::Meta;
use super::matrix::Colors;
use crate::decode::boxes::{Reader, boxes, find};

/// One item's properties, as far as they matter here.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) size: Option<(u32, u32)>,
    pub(super) coding: Option<Coding>,
    pub(super) colors: Option<Colors>,
    pub(super) rotation: Option<u8>,
    pub(super) mirror: Option<u8>,
    pub(super) is_alpha: bool,
}

impl Meta<'_> {
    pub(super) fn properties_of(&self, item: u32) -> Properties {
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

//! The picture that an AVIF file opens with, found in its boxes (HEIF, ISO/IEC 23008-12).

use super::items::Meta;
use super::matrix::Colors;
use super::sequence;
use crate::decode::boxes::{Reader, find};
use crate::{DecodeError, Format};

/// Most tiles that a grid may have: 256 × 256.
const MAX_TILES: usize = 1 << 16;
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

pub(super) fn corrupt(reason: &str) -> DecodeError {
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
    let meta =
        Meta::read(file).ok_or_else(|| corrupt("its meta box is missing or cannot be read"))?;
    meta.picture(file)
}

/// The EXIF orientation that the primary item's `irot` and `imir` properties stand for, as Pillow
/// counts it; 1 for a file without them.
pub(crate) fn orientation_of(file: &[u8]) -> Option<u16> {
    let meta = Meta::read(file)?;
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
    let meta = Meta::read(file)?;
    let kind = *meta.kinds.get(&meta.primary)?;
    if kind != *b"grid" {
        return Some(kind);
    }
    let first = *meta.targets(meta.primary, b"dimg").first()?;
    meta.kinds.get(&first).copied()
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
}

/// A grid's columns, rows and the picture's size.
fn grid_of(grid: &[u8]) -> Option<(u32, u32, (u32, u32))> {
    let mut reader = Reader(grid);
    let [_version, flags, rows, columns] = reader.array()?;
    let bytes = if flags & 1 == 1 { 4 } else { 2 };
    let size = (reader.sized(bytes)? as u32, reader.sized(bytes)? as u32);
    Some((u32::from(columns) + 1, u32::from(rows) + 1, size))
}

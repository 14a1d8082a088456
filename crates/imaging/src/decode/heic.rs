//! HEIC: HEVC key frames in HEIF boxes. Alpha is not decoded, as it is dropped anyway; turns, mirrors and the crop of the file are
//! applied, as libheif does it for Pillow's plugin.

mod convert;
mod transform;

use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{HeifFile, ItemId};

use self::convert::Colors;
use super::{check_held, contained, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

/// HEVC codes whole blocks, of up to this side.
const BLOCK: u64 = 64;

/// The primary picture: tiles of one size in rows, or a single one.
struct Picture {
    width: u32,
    height: u32,
    tiles: Vec<ItemId>,
    tile_width: u32,
    tile_height: u32,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    contained(Format::Heic, || {
        let file = HeifFile::parse(bytes).map_err(corrupt)?;
        let picture = Picture::open(&file)?;
        picture.check_memory(bytes, limits)?;
        let image = picture.decode(&file)?;
        transform::apply(image, &file)
    })
}

impl Picture {
    fn open(file: &HeifFile<'_>) -> Result<Self, DecodeError> {
        let id = file.primary_id;
        let size = |id| match file.image_size(id) {
            Ok(Some(size)) => Ok(size),
            _ => Err(Format::Heic.corrupt("it does not state its size")),
        };
        let is_grid = match &kind(file, id)? {
            b"hvc1" => false,
            b"grid" => true,
            _ => return Err(Format::Heic.unsupported("a picture that is put together of others")),
        };
        if !is_grid {
            let (width, height) = size(id)?;
            return Ok(Self {
                width,
                height,
                tiles: vec![id],
                tile_width: width,
                tile_height: height,
            });
        }
        let grid = file.grid(id).map_err(corrupt)?;
        let tiles = file.referenced_items(id, b"dimg").to_vec();
        let Some(&first) = tiles.first() else {
            return Err(Format::Heic.corrupt("it has no tiles"));
        };
        for &tile in &tiles {
            if kind(file, tile)? != *b"hvc1" {
                return Err(Format::Heic.unsupported("tiles that are not coded themselves"));
            }
        }
        let (width, height) = (grid.output_width, grid.output_height);
        let (tile_width, tile_height) = size(first)?;
        // Tiles that nobody sees, or are next to nothing, would be work without end.
        let fits = u64::from(tile_width.min(tile_height)) >= BLOCK
            && width.div_ceil(tile_width) == u32::from(grid.columns)
            && height.div_ceil(tile_height) == u32::from(grid.rows)
            && tiles.len() == usize::from(grid.columns) * usize::from(grid.rows);
        if !fits {
            return Err(Format::Heic.corrupt("its tiles do not fit together"));
        }
        Ok(Self {
            width,
            height,
            tiles,
            tile_width,
            tile_height,
        })
    }

    /// Samples that the decoder may hold for a tile.
    fn tile_samples(&self) -> u64 {
        let blocks = |side: u32| u64::from(side).next_multiple_of(BLOCK);
        blocks(self.tile_width).saturating_mul(blocks(self.tile_height))
    }

    /// Held at once: of a tile its frame with 16 bits per sample, twice where it is filtered, and the decoder's tables; its data,
    /// copied and without its stuffing; and the picture, twice while it is turned.
    fn check_memory(&self, bytes: &[u8], limits: &Limits) -> Result<(), DecodeError> {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let tile = self.tile_samples().saturating_mul(16);
        let held = (width.saturating_mul(height).saturating_mul(6))
            .saturating_add(tile)
            .saturating_add(2 * bytes.len() as u64);
        check_held(Format::Heic, limits, width, height, held)
    }

    fn decode(&self, file: &HeifFile<'_>) -> Result<RgbImage, DecodeError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let (tile_width, tile_height) = (self.tile_width as usize, self.tile_height as usize);
        let mut pixels = vec![0; width * height * 3];
        let columns = width.div_ceil(tile_width);
        for (index, &tile) in self.tiles.iter().enumerate() {
            let options = DecodeOptions {
                max_pixels: self.tile_samples(),
                ..DecodeOptions::default()
            };
            let data = file.hevc_bitstream(tile).map_err(corrupt)?;
            let frame = decode_picture(&data, options).map_err(corrupt)?;
            if frame.widths[0] < self.tile_width || frame.heights[0] < self.tile_height {
                return Err(Format::Heic.corrupt("a tile is smaller than it says"));
            }
            let colors = Colors::new(stated(file, tile)?, &frame)?;
            let (x, y) = (index % columns * tile_width, index / columns * tile_height);
            let shown = tile_width.min(width - x);
            for row in 0..tile_height.min(height - y) {
                let start = ((y + row) * width + x) * 3;
                colors.row(&frame, row, &mut pixels[start..start + shown * 3]);
            }
        }
        finish(Format::Heic, self.width, self.height, pixels)
    }
}

/// The matrix and the range that the container states.
fn stated(file: &HeifFile<'_>, id: ItemId) -> Result<Option<(u16, bool)>, DecodeError> {
    let mut properties = file.item_properties(id).map_err(corrupt)?;
    Ok(properties.find_map(|property| match property {
        Property::Color(ColorInfo::Nclx {
            matrix, full_range, ..
        }) => Some((*matrix, *full_range)),
        _ => None,
    }))
}

fn kind(file: &HeifFile<'_>, id: ItemId) -> Result<[u8; 4], DecodeError> {
    Ok(file.item(id).map_err(corrupt)?.item_type.0)
}

fn corrupt(error: impl std::fmt::Display) -> DecodeError {
    Format::Heic.corrupt(error.to_string())
}

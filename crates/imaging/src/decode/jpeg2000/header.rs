//! What a JPEG 2000 file says before its pixels.

use crate::decode::boxes::{Reader, boxes, find};
use crate::decode::samples::Palette;
use crate::{DecodeError, Format};

const SIGNATURE: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";
const CODESTREAM: &[u8] = b"\xff\x4f\xff\x51";

/// The kind of picture that Pillow sees.
pub(super) enum Mode {
    Grey16,
    Palette(Palette),
    Cmyk,
    Other,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum ColorSpace {
    Rgb,
    Sycc,
    Cmyk,
}

pub(super) struct Header<'a> {
    pub(super) size: (u32, u32),
    pub(super) components: usize,
    pub(super) mode: Mode,
    pub(super) color_space: ColorSpace,
    codestream: &'a [u8],
    depth: u8,
    /// Least size of a code block, in samples as a power of two.
    block_bits: u32,
    levels: u64,
    tiles: u64,
}

fn cut() -> DecodeError {
    Format::Jpeg2000.truncated("its header is cut off")
}

impl<'a> Header<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if !bytes.starts_with(SIGNATURE) {
            return codestream(bytes).ok_or_else(cut)?;
        }
        let jp2h = find(bytes, b"jp2h").ok_or_else(cut)?;
        let stream = find(bytes, b"jp2c").ok_or_else(cut)?;
        let mut header = codestream(stream).ok_or_else(cut)??;
        header.read_boxes(jp2h).ok_or_else(cut)??;
        Ok(header)
    }

    /// Reads the boxes in their order, since a palette counts only behind the colours that allow it.
    fn read_boxes(&mut self, jp2h: &[u8]) -> Option<Result<(), DecodeError>> {
        let mut stated = None;
        let (mut components, mut enumerated) = (0, None);
        self.mode = Mode::Other;
        for found in boxes(jp2h) {
            let mut reader = Reader(found.payload);
            match &found.kind {
                b"ihdr" => {
                    let (height, width) = (reader.u32()?, reader.u32()?);
                    stated = Some((width, height));
                    components = reader.u16()?;
                    if components == 1 && reader.u8()? & 0x7f > 8 {
                        self.mode = Mode::Grey16;
                    }
                }
                b"colr" => {
                    let [method, _, _] = reader.array()?;
                    if method == 1 {
                        let number = reader.u32()?;
                        enumerated = Some(number);
                        if number == 12 && components == 4 {
                            self.mode = Mode::Cmyk;
                        }
                    }
                }
                b"pclr"
                    if !matches!(self.mode, Mode::Grey16)
                        && matches!(components, 1 | 2)
                        && !matches!(enumerated, Some(0 | 15 | 17)) =>
                {
                    if let Some(palette) = palette(reader, enumerated == Some(12))? {
                        self.mode = Mode::Palette(palette);
                    }
                }
                _ => {}
            }
        }
        if stated != Some(self.size) || usize::from(components) != self.components {
            return Some(Err(
                Format::Jpeg2000.corrupt("its headers state different sizes")
            ));
        }
        match enumerated {
            Some(18) => self.color_space = ColorSpace::Sycc,
            Some(12) => self.color_space = ColorSpace::Cmyk,
            Some(16 | 17) => self.color_space = ColorSpace::Rgb,
            _ => {}
        }
        Some(Ok(()))
    }

    /// The codestream in boxes that state plain RGB, so that the decoder leaves the samples as they are.
    pub(super) fn wrapped(&self) -> Vec<u8> {
        let (width, height) = self.size;
        let mut file = Vec::with_capacity(self.codestream.len() + 85);
        file.extend(SIGNATURE);
        file.extend(b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 ");
        file.extend(b"\0\0\0\x2djp2h\0\0\0\x16ihdr");
        file.extend(height.to_be_bytes());
        file.extend(width.to_be_bytes());
        file.extend((self.components as u16).to_be_bytes());
        file.extend([self.depth, 7, 1, 0]);
        file.extend(b"\0\0\0\x0fcolr\x01\0\0\0\0\0\x10");
        file.extend(b"\0\0\0\0jp2c");
        file.extend(self.codestream);
        file
    }

    /// Memory of the tables for code blocks and precincts, as small as they may be, per sample.
    pub(super) fn table_bytes_per_sample(&self) -> u64 {
        512 >> self.block_bits.min(9)
    }

    pub(super) fn tile_table_bytes(&self) -> u64 {
        self.tiles * self.components as u64 * (self.levels + 1) * 256
    }
}

/// The main header's sizes.
fn codestream(bytes: &[u8]) -> Option<Result<Header<'_>, DecodeError>> {
    if !bytes.starts_with(CODESTREAM) {
        return Some(Err(Format::Jpeg2000.corrupt("its codestream has no start")));
    }
    let mut reader = Reader(bytes.get(4..)?);
    reader.u16()?;
    reader.u16()?;
    let mut number = || reader.u32();
    let (right, bottom, left, top) = (number()?, number()?, number()?, number()?);
    let (tile_width, tile_height, tiles_left, tiles_top) =
        (number()?, number()?, number()?, number()?);
    let components = usize::from(reader.u16()?);
    let size = (right.checked_sub(left), bottom.checked_sub(top));
    let (Some(width), Some(height)) = size else {
        return Some(Err(Format::Jpeg2000.corrupt("it ends before it starts")));
    };
    if tile_width == 0 || tile_height == 0 || !(1..=4).contains(&components) {
        return Some(Err(Format::Jpeg2000.unsupported(format!(
            "{components} components in tiles of {tile_width}x{tile_height}"
        ))));
    }
    let sizes = reader.take(components * 3)?.as_chunks::<3>().0;
    let depth = sizes[0][0];
    let subsampled = sizes.iter().position(|size| size[1..] != [1, 1]);
    let tiles = |from: u32, to: u32, tile: u32| u64::from(to.saturating_sub(from).div_ceil(tile));
    let mut header = Header {
        size: (width, height),
        components,
        mode: match (components, depth & 0x7f) {
            (1, 8..) => Mode::Grey16,
            _ => Mode::Other,
        },
        // Without a word about colours, subsampling tells chroma.
        color_space: match (components, subsampled) {
            (3 | 4, Some(1 | 2)) => ColorSpace::Sycc,
            _ => ColorSpace::Rgb,
        },
        codestream: bytes,
        depth,
        block_bits: 32,
        levels: 0,
        tiles: tiles(tiles_left, right, tile_width) * tiles(tiles_top, bottom, tile_height),
    };
    // The sizes of code blocks and precincts, in the main header and in the tiles'.
    let mut rest = reader.0;
    while let Some((marker, after)) = rest.split_first_chunk::<2>() {
        let Some(length) = Reader(after).u16() else {
            break;
        };
        match marker {
            b"\xff\x52" => header.read_coding(after.get(7..).unwrap_or(&[]), after.get(2)),
            b"\xff\x53" => {
                let skip = if components < 257 { 4 } else { 5 };
                header.read_coding(after.get(skip..).unwrap_or(&[]), after.get(3));
            }
            b"\xff\x90" => break,
            _ => {}
        }
        rest = after.get(usize::from(length)..).unwrap_or(&[]);
    }
    Some(Ok(header))
}

impl Header<'_> {
    /// Notes the least sizes of a coding style: levels, code block's width and height, its style, the
    /// transform, then a byte of precinct sizes per level where the style says so.
    fn read_coding(&mut self, parameters: &[u8], style: Option<&u8>) {
        let [levels, width, height, _, _, precincts @ ..] = parameters else {
            return;
        };
        self.levels = self.levels.max(u64::from(levels & 63));
        let block = u32::from(width & 15) + u32::from(height & 15) + 4;
        self.block_bits = self.block_bits.min(block);
        if style.is_some_and(|style| style & 1 == 1) {
            for precinct in precincts.iter().take(usize::from(levels & 63) + 1) {
                // A precinct of a level is divided among three sub-bands of half its size.
                let precinct = u32::from(precinct & 15) + u32::from(precinct >> 4);
                self.block_bits = self.block_bits.min(precinct.saturating_sub(2));
            }
        }
    }
}

/// A palette; `None` in it for one that Pillow does not use. The same colour twice is one entry there,
/// which moves those behind it.
fn palette(mut reader: Reader<'_>, cmyk: bool) -> Option<Option<Palette>> {
    let (entries, columns) = (reader.u16()?, usize::from(reader.u8()?));
    if reader.take(columns)?.iter().any(|&depth| depth > 8) || columns < 3 {
        return Some(None);
    }
    let mut colors: Vec<&[u8]> = vec![];
    for _ in 0..entries {
        let color = reader.take(columns)?;
        if !colors.contains(&color) && colors.len() < 256 {
            colors.push(color);
        }
    }
    let colors = colors.iter().map(|color| match **color {
        [c, m, y, k] if cmyk => crate::decode::samples::cmyk_to_rgb([c, m, y, k]),
        [red, green, blue, ..] => [red, green, blue],
        _ => [0; 3],
    });
    Some(Some(Palette::new(colors)))
}

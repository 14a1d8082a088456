use crate::decode::samples::Palette;
use crate::{DecodeError, Format};

const FILE_HEADER: usize = 14;
const RAW: u32 = 0;
const RLE8: u32 = 1;
const RLE4: u32 = 2;
const BITFIELDS: u32 = 3;

/// How pixels are stored.
pub(super) enum Layout {
    /// 1, 4 or 8 bits per pixel that point into a palette.
    Indexed {
        bits: u8,
        palette: Palette,
        is_grey: bool,
    },
    /// Run-length coded indices, of 4 bits with `nibbles`, else of 8.
    RunLength { nibbles: bool, palette: Palette },
    /// 16 bits per pixel: 5 red, `green_bits` green, 5 blue from the high end.
    Packed16 { green_bits: u32 },
    /// Whole bytes: the pixel's size, and where in it the colours are.
    Bytes {
        size: usize,
        red: usize,
        green: usize,
        blue: usize,
    },
}

impl Layout {
    /// Whether every pixel is a level of grey, as Pillow sees it.
    pub(super) fn is_grey(&self) -> bool {
        matches!(self, Self::Indexed { is_grey: true, .. })
    }

    pub(super) fn bits_per_pixel(&self) -> usize {
        match self {
            Self::Indexed { bits, .. } => usize::from(*bits),
            Self::RunLength { .. } => 8,
            Self::Packed16 { .. } => 16,
            Self::Bytes { size, .. } => size * 8,
        }
    }
}

pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) top_down: bool,
    /// Where the pixels start in the file.
    pub(super) data_start: usize,
    pub(super) layout: Layout,
}

/// Little-endian fields at fixed places in the file.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], DecodeError> {
        let field = self.0.get(at..).and_then(<[u8]>::first_chunk::<N>);
        field
            .copied()
            .ok_or_else(|| Format::Bmp.truncated("its header is cut off"))
    }

    fn u16(&self, at: usize) -> Result<u32, DecodeError> {
        self.bytes(at).map(u16::from_le_bytes).map(u32::from)
    }

    fn u32(&self, at: usize) -> Result<u32, DecodeError> {
        self.bytes(at).map(u32::from_le_bytes)
    }
}

impl Header {
    /// The header of a whole file, which says where the pixels start.
    pub(super) fn read(file: &[u8]) -> Result<Self, DecodeError> {
        let data_start = Fields(file).u32(10)? as usize;
        Self::read_at(file, FILE_HEADER, data_start)
    }

    /// The header of a bitmap that starts at `start` without a file header; the pixels are behind it.
    pub(super) fn read_dib(file: &[u8], start: usize) -> Result<Self, DecodeError> {
        Self::read_at(file, start, 0)
    }

    fn read_at(file: &[u8], start: usize, mut data_start: usize) -> Result<Self, DecodeError> {
        let fields = Fields(file);
        let header_size = fields.u32(start)? as usize;
        let core = header_size == 12;
        if !core && ![40, 52, 56, 64, 108, 124].contains(&header_size) {
            return Err(Format::Bmp.unsupported(format!("header of {header_size} bytes")));
        }
        let (width, height, bits) = if core {
            (
                fields.u16(start + 4)?,
                fields.u16(start + 6)?,
                fields.u16(start + 10)?,
            )
        } else {
            (
                fields.u32(start + 4)?,
                fields.u32(start + 8)?,
                fields.u16(start + 14)?,
            )
        };
        let (compression, stated_colors) = if core {
            (RAW, 0)
        } else {
            (fields.u32(start + 16)?, fields.u32(start + 32)?)
        };
        // A negative height means rows from top to bottom.
        let top_down = !core && height >> 24 == 0xff;
        let height = if top_down {
            height.wrapping_neg()
        } else {
            height
        };

        if !matches!(bits, 1 | 4 | 8 | 16 | 24 | 32) {
            return Err(Format::Bmp.unsupported(format!("{bits} bits per pixel")));
        }
        let mut palette_start = start + header_size;
        let masks = if compression == BITFIELDS {
            let mask = |index: usize| fields.u32(start + 40 + index * 4);
            // The plain header has its masks behind it, and its fourth word is no alpha.
            let alpha = if header_size >= 56 { mask(3)? } else { 0 };
            if header_size == 40 {
                palette_start += 12;
            }
            Some([mask(0)?, mask(1)?, mask(2)?, alpha])
        } else {
            None
        };

        let layout = if bits > 8 {
            direct_layout(bits, compression, masks)?
        } else {
            if !matches!((compression, bits), (RAW, _) | (RLE8, 8) | (RLE4, 4)) {
                return Err(Format::Bmp.unsupported(format!("compression {compression}")));
            }
            let colors = if stated_colors == 0 {
                1 << bits
            } else {
                stated_colors
            };
            if colors > 65_536 {
                return Err(Format::Bmp.corrupt(format!("its palette has {colors} colours")));
            }
            let entry = if core { 3 } else { 4 };
            let palette_bytes = colors as usize * entry;
            if data_start == FILE_HEADER + header_size {
                // Some writers forget the palette when they count where the pixels start.
                data_start += palette_bytes;
            }
            let table = file.get(palette_start..).unwrap_or(&[]);
            let table = &table[..palette_bytes.min(table.len())];
            let entries: Vec<[u8; 3]> = table
                .chunks_exact(entry)
                .map(|entry| [entry[2], entry[1], entry[0]])
                .collect();
            palette_start += palette_bytes;
            let palette = Palette::new_or_grey(&entries);
            if compression == RAW {
                Layout::Indexed {
                    bits: bits as u8,
                    palette,
                    is_grey: is_grey(&entries, colors as usize),
                }
            } else {
                Layout::RunLength {
                    nibbles: compression == RLE4,
                    palette,
                }
            }
        };
        if data_start == 0 {
            data_start = palette_start;
        }
        Ok(Self {
            width,
            height,
            top_down,
            data_start,
            layout,
        })
    }
}

/// The layouts without a palette that Pillow knows.
fn direct_layout(
    bits: u32,
    compression: u32,
    masks: Option<[u32; 4]>,
) -> Result<Layout, DecodeError> {
    let bgr = |size| Layout::Bytes {
        size,
        red: 2,
        green: 1,
        blue: 0,
    };
    match (bits, compression, masks) {
        (16, RAW, _) => Ok(Layout::Packed16 { green_bits: 5 }),
        (24, RAW, _) => Ok(bgr(3)),
        (32, RAW, _) => Ok(bgr(4)),
        (16, BITFIELDS, Some([0xf800, 0x7e0, 0x1f, _])) => Ok(Layout::Packed16 { green_bits: 6 }),
        (16, BITFIELDS, Some([0x7c00, 0x3e0, 0x1f, _])) => Ok(Layout::Packed16 { green_bits: 5 }),
        (24, BITFIELDS, Some([0xff_0000, 0xff00, 0xff, _])) => Ok(bgr(3)),
        (32, BITFIELDS, Some([red, green, blue, alpha])) => {
            let byte = |mask: u32| match mask {
                0xff => Some(0),
                0xff00 => Some(1),
                0xff_0000 => Some(2),
                0xff00_0000 => Some(3),
                _ => None,
            };
            match (byte(red), byte(green), byte(blue)) {
                _ if [red, green, blue, alpha] == [0; 4] => Ok(bgr(4)),
                (Some(red), Some(green), Some(blue)) => Ok(Layout::Bytes {
                    size: 4,
                    red,
                    green,
                    blue,
                }),
                _ => {
                    Err(Format::Bmp
                        .unsupported(format!("bit fields {red:#x} {green:#x} {blue:#x}")))
                }
            }
        }
        (_, BITFIELDS, _) => Err(Format::Bmp.unsupported("bit fields")),
        _ => Err(Format::Bmp.unsupported(format!("compression {compression} of {bits} bits"))),
    }
}

/// Whether Pillow drops the palette: two colours that are black and white, or more that are the grey ramp.
fn is_grey(entries: &[[u8; 3]], stated: usize) -> bool {
    let last = if stated == 2 { 255 } else { 1 };
    let ramp = (0..=255_u8).map(|index| [index.saturating_mul(last); 3]);
    entries.len() == stated
        && stated <= 256
        && ramp.zip(entries).all(|(level, entry)| *entry == level)
}

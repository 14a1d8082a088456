use super::pixels::Kind;
use crate::decode::samples::Palette;
use crate::decode::tiff_directory::{Directory, Tag};
use crate::{DecodeError, Format};

/// How the picture is cut up and stored. Strips are tiles as wide as the picture.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) chunk_width: usize,
    pub(super) chunk_rows: usize,
    pub(super) tiled: bool,
    pub(super) bits: u8,
    pub(super) samples: usize,
    /// Each sample of a pixel lies in a chunk of its own.
    pub(super) planar: bool,
    pub(super) big_endian: bool,
    /// The low bit of each stored byte comes first.
    pub(super) reversed_bits: bool,
    pub(super) compression: u64,
    pub(super) predictor: u64,
    pub(super) kind: Kind,
}

/// One strip or tile: its number within its plane, and its corner in the picture.
pub(super) struct Chunk {
    pub(super) index: usize,
    pub(super) x: usize,
    pub(super) y: usize,
}

impl Layout {
    pub(super) fn read(
        directory: &Directory<'_>,
        width: usize,
        height: usize,
    ) -> Result<Self, DecodeError> {
        let number = |tag, default| directory.number(tag).unwrap_or(default);
        let unsupported = |feature: String| Format::Tiff.unsupported(feature);

        let samples = number(Tag::SamplesPerPixel, 1);
        if !(1..=6).contains(&samples) {
            return Err(unsupported(format!("{samples} samples per pixel")));
        }
        let samples = samples as usize;
        let bits: Vec<u64> = directory
            .numbers(Tag::BitsPerSample)
            .take(samples)
            .collect();
        let first_bits = bits.first().copied().unwrap_or(1);
        if bits.iter().any(|&bits| bits != first_bits) {
            return Err(unsupported(format!("bits per sample {bits:?}")));
        }
        let bits = match first_bits {
            1 | 2 | 4 | 8 | 16 | 32 => first_bits as u8,
            _ => return Err(unsupported(format!("{first_bits} bits per sample"))),
        };
        let planar = samples > 1 && number(Tag::PlanarConfiguration, 1) == 2;
        if planar && bits < 8 {
            return Err(unsupported(format!("planes of {bits} bits per sample")));
        }

        let tiled = directory.number(Tag::TileWidth).is_some();
        let (chunk_width, chunk_rows) = if tiled {
            let tile = (number(Tag::TileWidth, 0), number(Tag::TileLength, 0));
            // The specification asks for it, and it bounds the number of tiles.
            if tile.0 == 0 || tile.1 == 0 || tile.0 % 16 != 0 || tile.1 % 16 != 0 {
                return Err(unsupported(format!(
                    "tiles of {}x{} pixels",
                    tile.0, tile.1
                )));
            }
            tile
        } else {
            let rows = number(Tag::RowsPerStrip, height as u64).min(height as u64);
            if rows == 0 {
                return Err(Format::Tiff.corrupt("its strips have no rows"));
            }
            (width as u64, rows)
        };

        let big_endian = directory.is_big_endian();
        let mut layout = Self {
            width,
            height,
            chunk_width: usize::try_from(chunk_width).unwrap_or(usize::MAX),
            chunk_rows: usize::try_from(chunk_rows).unwrap_or(usize::MAX),
            tiled,
            bits,
            samples,
            planar,
            big_endian,
            reversed_bits: number(Tag::FillOrder, 1) == 2,
            compression: number(Tag::Compression, 1),
            predictor: number(Tag::Predictor, 1),
            kind: Kind::Grey {
                bits,
                white_is_zero: false,
            },
        };
        layout.kind = layout.read_kind(directory)?;
        Ok(layout)
    }

    /// What the samples mean. The combinations are those that Pillow opens.
    fn read_kind(&self, directory: &Directory<'_>) -> Result<Kind, DecodeError> {
        let Self {
            bits,
            samples,
            big_endian,
            ..
        } = *self;
        let photometric = directory
            .number(Tag::PhotometricInterpretation)
            .unwrap_or(0);
        let format = directory.number(Tag::SampleFormat).unwrap_or(1);
        let extra: Vec<u64> = directory.numbers(Tag::ExtraSamples).take(samples).collect();
        let high = if big_endian {
            0
        } else {
            usize::from(bits / 8).saturating_sub(1)
        };
        let stride = samples * usize::from(bits / 8);
        let size = usize::from(bits / 8);
        let premultiplied = extra.first() == Some(&1);
        let kind = match (
            photometric,
            bits,
            format,
            samples - extra.len().min(samples),
        ) {
            (0 | 1, 1 | 2 | 4, 1, 1) if samples == 1 => Some(Kind::Grey {
                bits,
                white_is_zero: photometric == 0,
            }),
            (0 | 1, 8, 1, 1) if samples == 1 => Some(Kind::Grey {
                bits,
                white_is_zero: photometric == 0,
            }),
            (1, 8, 2, 1) if samples == 1 => Some(Kind::Grey {
                bits,
                white_is_zero: false,
            }),
            (1, 8, 1, 1) if samples == 2 && !premultiplied => Some(Kind::GreyAnd { stride }),
            (0, 16, 1, 1) if samples == 1 && !big_endian => Some(Kind::Integer {
                size,
                big_endian,
                signed: false,
            }),
            (1, 16, 1 | 2, 1) if samples == 1 => Some(Kind::Integer {
                size,
                big_endian,
                signed: format == 2,
            }),
            (1, 32, 1 | 2, 1) if samples == 1 && !(format == 1 && big_endian) => {
                Some(Kind::Integer {
                    size,
                    big_endian,
                    signed: true,
                })
            }
            (0 | 1, 32, 3, 1) if samples == 1 => Some(Kind::Float { big_endian }),
            (2, 8 | 16, 1, 3) if premultiplied => {
                Some(Kind::PremultipliedRgb { stride, size, high })
            }
            (2, 8 | 16, 1, 3 | 4) => Some(Kind::Rgb { stride, size, high }),
            (3, 1 | 2 | 4 | 8, 1, 1) if samples == 1 || bits == 8 => Some(Kind::Palette {
                bits,
                stride: samples,
                palette: read_palette(directory, bits)?,
            }),
            (5, 8 | 16, 1, 4) => Some(Kind::Cmyk { stride, size, high }),
            _ => None,
        };
        kind.ok_or_else(|| {
            Format::Tiff.unsupported(format!(
                "{samples} samples of {bits} bits, photometric interpretation {photometric}, \
                 sample format {format}, extra samples {extra:?}"
            ))
        })
    }

    /// Chunks that a pixel's samples are spread over.
    pub(super) fn planes(&self) -> usize {
        if self.planar { self.samples } else { 1 }
    }

    /// Samples of a pixel that lie next to each other.
    pub(super) fn adjacent_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of one row of a chunk.
    pub(super) fn row_bytes(&self) -> usize {
        let bits = self
            .chunk_width
            .saturating_mul(usize::from(self.bits) * self.adjacent_samples());
        bits.div_ceil(8)
    }

    /// Bytes of a whole chunk of one plane.
    pub(super) fn chunk_bytes(&self) -> u64 {
        (self.row_bytes() as u64).saturating_mul(self.chunk_rows as u64)
    }

    fn chunks_across(&self) -> usize {
        self.width.div_ceil(self.chunk_width)
    }

    pub(super) fn chunks_per_plane(&self) -> usize {
        self.chunks_across() * self.height.div_ceil(self.chunk_rows)
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> {
        let across = self.chunks_across();
        (0..self.chunks_per_plane()).map(move |index| Chunk {
            index,
            x: index % across * self.chunk_width,
            y: index / across * self.chunk_rows,
        })
    }
}

/// The table has all reds, then all greens, then all blues, of 16 bits each.
fn read_palette(directory: &Directory<'_>, bits: u8) -> Result<Palette, DecodeError> {
    let table: Vec<u8> = directory
        .numbers(Tag::ColorMap)
        .map(|level| (level >> 8) as u8)
        .collect();
    let colors = 1 << bits;
    if table.len() != colors * 3 {
        return Err(Format::Tiff.corrupt(format!("its palette has {} numbers", table.len())));
    }
    let entry = |index: usize| {
        [
            table[index],
            table[colors + index],
            table[2 * colors + index],
        ]
    };
    Ok(Palette::new((0..colors).map(entry)))
}

use super::compression::{JPEG, NONE};
use super::jpeg_part;
use super::pixels::Kind;
use super::ycbcr::YCbCr;
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
    pub(super) fax_options: u64,
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

        let planar = number(Tag::PlanarConfiguration, 1) == 2;
        let mut samples = number(Tag::SamplesPerPixel, 1);
        let mut ignored = 0;
        // Extra samples of no stated meaning are left out where they lie in planes of their own.
        if planar
            && directory
                .numbers(Tag::ExtraSamples)
                .take(6)
                .all(|kind| kind == 0)
        {
            ignored = directory.numbers(Tag::ExtraSamples).len();
            samples = samples.saturating_sub(ignored as u64);
        }
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
            1 | 2 | 4 | 8 | 12 | 16 | 32 => first_bits as u8,
            _ => return Err(unsupported(format!("{first_bits} bits per sample"))),
        };
        let planar = planar && samples > 1;
        if planar && (bits < 8 || bits == 12) {
            return Err(unsupported(format!("planes of {bits} bits per sample")));
        }

        let tiled = directory.number(Tag::TileWidth).is_some();
        let (chunk_width, chunk_rows) = if tiled {
            let tile = (number(Tag::TileWidth, 0), number(Tag::TileLength, 0));
            if tile.0 == 0 || tile.1 == 0 {
                return Err(Format::Tiff.corrupt(format!("tiles of {}x{} pixels", tile.0, tile.1)));
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
            fax_options: number(Tag::T4Options, 0),
            kind: Kind::Grey {
                bits,
                white_is_zero: false,
            },
        };
        layout.kind = layout.read_kind(directory, ignored)?;
        if let Kind::Jpeg(_) = layout.kind {
            // Its strips and tiles come out as RGB.
            (layout.bits, layout.samples) = (8, 3);
        }
        Ok(layout)
    }

    /// What the samples mean. The combinations are those that Pillow opens.
    fn read_kind(&self, directory: &Directory<'_>, ignored: usize) -> Result<Kind, DecodeError> {
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
        let extra = directory.numbers(Tag::ExtraSamples).take(samples);
        let extra: Vec<u64> = extra.filter(|_| ignored == 0).collect();
        let high = if big_endian {
            0
        } else {
            usize::from(bits / 8).saturating_sub(1)
        };
        let stride = samples * usize::from(bits / 8);
        let size = usize::from(bits / 8);
        let premultiplied = extra.first() == Some(&1);
        if self.compression == JPEG {
            let colors = jpeg_part::colors(photometric, samples);
            let colors = colors.filter(|_| bits == 8 && !self.planar && extra.is_empty());
            return colors.map(Kind::Jpeg).ok_or_else(|| {
                Format::Tiff.unsupported(format!(
                    "JPEG of {samples} samples, photometric interpretation {photometric}"
                ))
            });
        }
        // Pillow takes what libtiff has unpacked, and turned to the processor's byte order, for
        // the file's order here.
        let loose_big_endian = big_endian && self.compression == NONE;
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
            (1, 12, 1, 1) if samples == 1 && !big_endian => Some(Kind::Twelve),
            (1, 16, 1, 1) if samples == 1 => Some(Kind::Integer {
                size,
                big_endian,
                signed: false,
            }),
            (1, 16, 2, 1) if samples == 1 => Some(Kind::Integer {
                size,
                big_endian: loose_big_endian,
                signed: true,
            }),
            (1, 32, 1 | 2, 1) if samples == 1 && !(format == 1 && big_endian) => {
                Some(Kind::Integer {
                    size,
                    big_endian: loose_big_endian,
                    signed: true,
                })
            }
            (0 | 1, 32, 3, 1) if samples == 1 => Some(Kind::Float {
                big_endian: loose_big_endian,
            }),
            (6, 8, 1, 1) if samples == 1 && self.compression == NONE => Some(Kind::Grey {
                bits,
                white_is_zero: false,
            }),
            (6, 8, 1, 3) if extra.is_empty() && self.compression == NONE => Some(Kind::YCbCr),
            (6, 8, 1, 3) if extra.is_empty() => {
                let size = (self.width, self.height);
                let conversion = YCbCr::read(directory, size, self.planar)?;
                Some(Kind::ConvertedYCbCr(Box::new(conversion)))
            }
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

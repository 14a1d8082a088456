//! The Netpbm family: bitmaps, greymaps and pixmaps, plain and raw, the float map, and Pillow's own
//! additions to them.

use super::samples::{Palette, cmyk_to_rgb, unpack_bits};
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

/// What one pixel is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// One bit, 1 is black.
    Bitmap,
    Grey,
    Rgb,
    Rgba,
    Cmyk,
    /// 32-bit floats, rows from the bottom up.
    Float {
        little_endian: bool,
    },
}

impl Kind {
    fn bands(self) -> usize {
        match self {
            Self::Bitmap | Self::Grey | Self::Float { .. } => 1,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }
}

/// The words of a header, and what is behind them.
struct Words<'a>(&'a [u8]);

/// What separates words in a header.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

impl<'a> Words<'a> {
    /// The next word; takes the one space behind it too.
    fn next(&mut self) -> Result<Vec<u8>, DecodeError> {
        let mut word = Vec::new();
        while let Some((&byte, rest)) = self.0.split_first() {
            self.0 = rest;
            match byte {
                b'#' => {
                    let end = rest.iter().position(|byte| b"\r\n".contains(byte));
                    self.0 = end.map_or(&[], |end| &rest[end + 1..]);
                }
                _ if is_space(byte) && word.is_empty() => {}
                _ if is_space(byte) => return Ok(word),
                _ => word.push(byte),
            }
            if word.len() > 10 {
                return Err(Format::Pnm.corrupt("its header has a word of more than 10 letters"));
            }
        }
        if word.is_empty() {
            return Err(Format::Pnm.truncated("its header is cut off"));
        }
        Ok(word)
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, DecodeError> {
        let word = self.next()?;
        let number = str::from_utf8(&word)
            .ok()
            .and_then(|word| word.parse().ok());
        number.ok_or_else(|| {
            let word = word.escape_ascii();
            Format::Pnm.corrupt(format!("its {what} is '{word}'"))
        })
    }
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let end = bytes.iter().take(6).position(|&byte| is_space(byte));
    let magic = &bytes[..end.unwrap_or(6).min(bytes.len())];
    let mut words = Words(&bytes[magic.len()..]);
    let (mut kind, plain) = match magic {
        b"P1" => (Kind::Bitmap, true),
        b"P2" => (Kind::Grey, true),
        b"P3" => (Kind::Rgb, true),
        b"P4" => (Kind::Bitmap, false),
        b"P5" | b"PyP" => (Kind::Grey, false),
        b"P6" => (Kind::Rgb, false),
        b"PyRGBA" => (Kind::Rgba, false),
        b"P0CMYK" | b"PyCMYK" => (Kind::Cmyk, false),
        b"Pf" => (
            Kind::Float {
                little_endian: false,
            },
            false,
        ),
        other => {
            let other = other.escape_ascii();
            return Err(Format::Pnm.unsupported(format!("kind '{other}'")));
        }
    };
    let (width, height): (u32, u32) = (words.number("width")?, words.number("height")?);
    let most = match &mut kind {
        Kind::Bitmap => 1,
        Kind::Float { little_endian } => {
            let scale: f64 = words.number("scale")?;
            if scale == 0.0 || !scale.is_finite() {
                return Err(Format::Pnm.corrupt(format!("its scale is {scale}")));
            }
            *little_endian = scale < 0.0;
            1
        }
        _ => words.number("largest value")?,
    };
    if !(1..=65_535).contains(&most) {
        return Err(Format::Pnm.corrupt(format!("its largest value is {most}")));
    }
    check(Format::Pnm, limits, width.into(), height.into(), 3)?;
    let (columns, rows) = (width as usize, height as usize);
    let scale = Scale::new(kind, most);
    let pixels = if plain {
        plain_pixels(words.0, kind, columns * rows, &scale)?
    } else {
        raw_pixels(words.0, kind, columns, rows, &scale)?
    };
    finish(Format::Pnm, width, height, pixels)
}

/// From stored values to bytes, with Pillow's roundings.
struct Scale {
    most: u32,
    table: Vec<u8>,
}

impl Scale {
    fn new(kind: Kind, most: u32) -> Self {
        // Grey of more than 8 bits becomes 16-bit grey first, which saturates on its way to RGB.
        let full = if most > 255 && kind == Kind::Grey {
            65_535.0
        } else {
            255.0
        };
        let scaled = |value: u32| {
            let value = f64::from(value) / f64::from(most) * full;
            value.round_ties_even().min(255.0) as u8
        };
        let values = if most > 255 { 65_536 } else { 256 };
        Self {
            most,
            table: (0..values).map(scaled).collect(),
        }
    }

    fn wide(&self) -> bool {
        self.most > 255
    }
}

fn push(kind: Kind, sample: &[u8], pixels: &mut Vec<u8>) {
    match (kind, sample) {
        (Kind::Cmyk, &[c, m, y, k]) => pixels.extend(cmyk_to_rgb([c, m, y, k])),
        (_, &[level]) => pixels.extend([level; 3]),
        (_, sample) => pixels.extend(&sample[..3]),
    }
}

fn raw_pixels(
    data: &[u8],
    kind: Kind,
    width: usize,
    height: usize,
    scale: &Scale,
) -> Result<Vec<u8>, DecodeError> {
    let row_bytes = match kind {
        Kind::Bitmap => width.div_ceil(8),
        Kind::Float { .. } => width * 4,
        _ => width * kind.bands() * if scale.wide() { 2 } else { 1 },
    };
    let rows = data.get(..row_bytes.saturating_mul(height));
    let rows = rows.ok_or_else(|| Format::Pnm.truncated("rows are missing"))?;
    let mut pixels = Vec::with_capacity(width * height * 3);
    let mut rows = rows.chunks_exact(row_bytes);
    match kind {
        Kind::Bitmap => {
            for row in rows {
                let bits = unpack_bits(row, 1, width);
                pixels.extend(bits.flat_map(|bit| [if bit == 0 { 255 } else { 0 }; 3]));
            }
        }
        Kind::Float { little_endian } => {
            while let Some(row) = rows.next_back() {
                for &sample in row.as_chunks::<4>().0 {
                    let level = match little_endian {
                        true => f32::from_le_bytes(sample),
                        false => f32::from_be_bytes(sample),
                    };
                    // Saturates, and takes the whole part.
                    pixels.extend([level as u8; 3]);
                }
            }
        }
        Kind::Rgb if scale.most == 255 => rows.for_each(|row| pixels.extend_from_slice(row)),
        _ => {
            let mut sample = Vec::with_capacity(4);
            for row in rows {
                let size = row_bytes / width;
                for stored in row.chunks_exact(size) {
                    sample.clear();
                    if scale.wide() {
                        let values = stored.as_chunks::<2>().0.iter();
                        sample.extend(
                            values
                                .map(|&value| scale.table[usize::from(u16::from_be_bytes(value))]),
                        );
                    } else {
                        sample.extend(stored.iter().map(|&value| scale.table[usize::from(value)]));
                    }
                    push(kind, &sample, &mut pixels);
                }
            }
        }
    }
    Ok(pixels)
}

fn plain_pixels(
    data: &[u8],
    kind: Kind,
    count: usize,
    scale: &Scale,
) -> Result<Vec<u8>, DecodeError> {
    let mut letters = without_comments(data);
    let mut pixels = Vec::with_capacity(count * 3);
    let missing = || Format::Pnm.truncated("values are missing");
    if kind == Kind::Bitmap {
        let black_and_white = Palette::new([[255; 3], [0; 3]]);
        // Nothing need stand between two bits.
        let mut bits = letters.filter(|&letter| !is_space(letter));
        for _ in 0..count {
            match bits.next().ok_or_else(missing)? {
                bit @ (b'0' | b'1') => pixels.extend(black_and_white.color(bit - b'0')),
                other => {
                    let other = other.escape_ascii();
                    return Err(Format::Pnm.corrupt(format!("a bit is '{other}'")));
                }
            }
        }
        return Ok(pixels);
    }
    let mut word = String::new();
    let mut sample = Vec::with_capacity(4);
    for _ in 0..count * kind.bands() {
        word.clear();
        for letter in letters.by_ref() {
            match is_space(letter) {
                true if word.is_empty() => {}
                true => break,
                false => word.push(char::from(letter)),
            }
            if word.len() > 20 {
                break;
            }
        }
        if word.is_empty() {
            return Err(missing());
        }
        let value = word
            .parse::<u32>()
            .ok()
            .filter(|value| *value <= scale.most);
        let value = value.ok_or_else(|| {
            Format::Pnm.corrupt(format!("a value is '{}'", word.escape_default()))
        })?;
        sample.push(scale.table[value as usize]);
        if sample.len() == kind.bands() {
            push(kind, &sample, &mut pixels);
            sample.clear();
        }
    }
    Ok(pixels)
}

/// The letters outside comments, which go from `#` to the end of the line.
fn without_comments(data: &[u8]) -> impl Iterator<Item = u8> {
    let mut in_comment = false;
    data.iter().copied().filter(move |&letter| {
        if in_comment {
            in_comment = !b"\r\n".contains(&letter);
            return false;
        }
        in_comment = letter == b'#';
        !in_comment
    })
}

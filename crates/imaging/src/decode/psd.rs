//! Photoshop documents: the composite of all layers, which Photoshop stores for other programs.

use super::boxes::Reader;
use super::samples::{Palette, cmyk_to_rgb};
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

enum Mode {
    Grey,
    Indexed(Palette),
    Rgb,
    Cmyk,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let cut = || Format::Psd.truncated("its header is cut off");
    let mut reader = Reader(bytes);
    let fields = |reader: &mut Reader<'_>| {
        reader.u32()?;
        let version = reader.u16()?;
        reader.take(6)?;
        let channels = reader.u16()?;
        let (height, width) = (reader.u32()?, reader.u32()?);
        Some((
            version,
            channels,
            width,
            height,
            reader.u16()?,
            reader.u16()?,
        ))
    };
    let (version, channels, width, height, bits, mode) = fields(&mut reader).ok_or_else(cut)?;
    if version != 1 {
        return Err(Format::Psd.unsupported(format!("version {version}")));
    }
    let colors = section(&mut reader).ok_or_else(cut)?;
    let (mode, needed) = match (mode, bits) {
        (0 | 1 | 7 | 8, 8) => (Mode::Grey, 1),
        (2, 8) => (Mode::Indexed(palette(colors)), 1),
        (3, 8) => (Mode::Rgb, 3),
        (4, 8) => (Mode::Cmyk, 4),
        _ => {
            return Err(Format::Psd.unsupported(format!("mode {mode} with {bits} bits per sample")));
        }
    };
    if usize::from(channels) < needed {
        return Err(Format::Psd.corrupt(format!("it has {channels} channels, and needs {needed}")));
    }
    check(Format::Psd, limits, width.into(), height.into(), 3 + 4)?;
    // Resources, then layers.
    section(&mut reader)
        .and_then(|_| section(&mut reader))
        .ok_or_else(cut)?;
    let (width_px, height_px) = (width as usize, height as usize);
    let planes = planes(
        &mut reader,
        width_px,
        height_px,
        usize::from(channels),
        needed,
    )?;
    let count = width_px * height_px;
    let mut pixels = Vec::with_capacity(count * 3);
    for at in 0..count {
        let sample = |plane: usize| planes[plane * count + at];
        pixels.extend(match &mode {
            Mode::Grey => [sample(0); 3],
            Mode::Indexed(palette) => palette.color(sample(0)),
            Mode::Rgb => [sample(0), sample(1), sample(2)],
            // Ink is stored the other way round: 255 is none.
            Mode::Cmyk => cmyk_to_rgb([0, 1, 2, 3].map(|ink| 255 - sample(ink))),
        });
    }
    finish(Format::Psd, width, height, pixels)
}

/// A section that starts with its length.
fn section<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u32()?;
    reader.take(length as usize)
}

/// 256 reds, then the greens, then the blues; any other length is grey.
fn palette(colors: &[u8]) -> Palette {
    if colors.len() != 3 * 256 {
        return Palette::grey();
    }
    Palette::new((0..256).map(|index| [colors[index], colors[256 + index], colors[512 + index]]))
}

fn planes(
    reader: &mut Reader<'_>,
    width: usize,
    height: usize,
    channels: usize,
    needed: usize,
) -> Result<Vec<u8>, DecodeError> {
    let missing = || Format::Psd.truncated("rows are missing");
    let total = width * height * needed;
    match reader.u16().ok_or_else(missing)? {
        0 => Ok(reader.take(total).ok_or_else(missing)?.to_vec()),
        1 => {
            // The rows' lengths, those of channels that are not read too.
            let lengths = reader.take(channels * height * 2).ok_or_else(missing)?;
            let mut planes = Vec::with_capacity(total);
            for length in &lengths.as_chunks::<2>().0[..needed * height] {
                let length = u16::from_be_bytes(*length);
                let packed = reader.take(length.into()).ok_or_else(missing)?;
                unpack_row(packed, width, &mut planes)?;
            }
            Ok(planes)
        }
        other => Err(Format::Psd.unsupported(format!("compression {other}"))),
    }
}

/// Undoes one row's run lengths (PackBits).
fn unpack_row(packed: &[u8], width: usize, plane: &mut Vec<u8>) -> Result<(), DecodeError> {
    let missing = || Format::Psd.truncated("a row is too short");
    let end = plane.len() + width;
    let mut reader = Reader(packed);
    while plane.len() < end {
        let head = reader.u8().ok_or_else(missing)?;
        match head {
            0x80 => {}
            0x81.. => {
                let value = reader.u8().ok_or_else(missing)?;
                plane.extend(std::iter::repeat_n(value, 257 - usize::from(head)));
            }
            _ => plane.extend(reader.take(usize::from(head) + 1).ok_or_else(missing)?),
        }
    }
    if plane.len() > end {
        return Err(Format::Psd.corrupt("a run goes past the end of its row"));
    }
    Ok(())
}

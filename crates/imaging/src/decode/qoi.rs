//! The Quite OK Image format.

use super::boxes::Reader;
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let mut reader = Reader(bytes);
    let header = |reader: &mut Reader<'_>| {
        reader.u32()?;
        let size = (reader.u32()?, reader.u32()?);
        reader.u16()?;
        Some(size)
    };
    let size = header(&mut reader);
    let (width, height) = size.ok_or_else(|| Format::Qoi.truncated("its header is cut off"))?;
    check(Format::Qoi, limits, width.into(), height.into(), 3)?;
    let total = width as usize * height as usize * 3;
    let mut pixels = Vec::with_capacity(total);
    let mut seen = [[0_u8; 4]; 64];
    let mut pixel = [0, 0, 0, 255_u8];
    while pixels.len() < total {
        let step = next(&mut reader, &seen, pixel);
        let (next, run) = step.ok_or_else(|| Format::Qoi.truncated("pixels are missing"))?;
        pixel = next;
        let [red, green, blue, alpha] = pixel;
        if run == 0 {
            let sum = usize::from(red) * 3
                + usize::from(green) * 5
                + usize::from(blue) * 7
                + usize::from(alpha) * 11;
            seen[sum % 64] = pixel;
        }
        for _ in 0..run.max(1) {
            pixels.extend_from_slice(&[red, green, blue]);
        }
    }
    pixels.truncate(total);
    finish(Format::Qoi, width, height, pixels)
}

/// The next pixel, and how often it comes; 0 for one that is not a run.
fn next(reader: &mut Reader<'_>, seen: &[[u8; 4]; 64], last: [u8; 4]) -> Option<([u8; 4], u8)> {
    let [red, green, blue, alpha] = last;
    let head = reader.u8()?;
    let low = head & 0x3f;
    let pixel = match head {
        0xff => reader.array()?,
        0xfe => {
            let [red, green, blue] = reader.array()?;
            [red, green, blue, alpha]
        }
        _ => match head >> 6 {
            0 => seen[usize::from(low)],
            1 => [
                red.wrapping_add((low >> 4) & 3).wrapping_sub(2),
                green.wrapping_add((low >> 2) & 3).wrapping_sub(2),
                blue.wrapping_add(low & 3).wrapping_sub(2),
                alpha,
            ],
            2 => {
                let more = reader.u8()?;
                let step = low.wrapping_sub(32);
                let moved = |color: u8, more: u8| {
                    color.wrapping_add(step).wrapping_add(more).wrapping_sub(8)
                };
                [
                    moved(red, more >> 4),
                    green.wrapping_add(step),
                    moved(blue, more & 15),
                    alpha,
                ]
            }
            _ => return Some((last, low + 1)),
        },
    };
    Some((pixel, 0))
}

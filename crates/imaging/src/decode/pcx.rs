//! PC Paintbrush.

use super::samples::{Palette, unpack_bits};
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

const HEADER: usize = 128;
/// A 12 and 256 colours at the end of the file.
const PALETTE: usize = 1 + 3 * 256;

enum Layout {
    Bits,
    /// Each plane has one bit of the index.
    BitPlanes(Palette),
    Indexed(Palette),
    RgbPlanes,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let header = bytes.first_chunk::<HEADER>();
    let header = header.ok_or_else(|| Format::Pcx.truncated("its header is cut off"))?;
    let field = |at: usize| i32::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let (width, height) = (field(8) + 1 - field(4), field(10) + 1 - field(6));
    let (width, height) = match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => (width, height),
        _ => return Err(Format::Pcx.corrupt(format!("its size is {width}x{height}"))),
    };
    let (version, bits, planes) = (header[1], header[3], usize::from(header[65]));
    let layout = match (version, bits, planes) {
        (_, 1, 1) => Layout::Bits,
        (_, 1, 2 | 4) => Layout::BitPlanes(Palette::new(
            header[16..64].as_chunks::<3>().0.iter().copied(),
        )),
        (5, 8, 1) => Layout::Indexed(last_palette(bytes)),
        (5, 8, 3) => Layout::RgbPlanes,
        _ => {
            return Err(Format::Pcx.unsupported(format!(
                "version {version} with {planes} planes of {bits} bits"
            )));
        }
    };
    check(Format::Pcx, limits, width.into(), height.into(), 3)?;
    let columns = width as usize;
    // Rows are of even length, except where their length is stated and odd.
    let mut stride = (columns * usize::from(bits)).div_ceil(8);
    if field(66) as usize != stride {
        stride += stride % 2;
    }
    let mut runs = Runs {
        rest: &bytes[HEADER..],
    };
    let mut row = vec![0; stride * planes];
    let mut pixels = Vec::with_capacity(columns * height as usize * 3);
    for _ in 0..height {
        runs.fill(&mut row)?;
        match &layout {
            Layout::Bits => {
                pixels.extend(unpack_bits(&row, 1, columns).flat_map(|bit| [bit * 255; 3]));
            }
            Layout::BitPlanes(palette) => {
                for x in 0..columns {
                    let bit = |plane: usize| row[plane * stride + x / 8] >> (7 - x % 8) & 1;
                    let index = (0..planes).fold(0, |index, plane| index | bit(plane) << plane);
                    pixels.extend(palette.color(index));
                }
            }
            Layout::Indexed(palette) => {
                pixels.extend(
                    row[..columns]
                        .iter()
                        .flat_map(|&index| palette.color(index)),
                );
            }
            Layout::RgbPlanes => {
                for x in 0..columns {
                    pixels.extend([row[x], row[stride + x], row[2 * stride + x]]);
                }
            }
        }
    }
    finish(Format::Pcx, width, height, pixels)
}

/// The palette at the file's end; a file without one is grey.
fn last_palette(bytes: &[u8]) -> Palette {
    match bytes.last_chunk::<PALETTE>() {
        Some([12, colors @ ..]) => Palette::new(colors.as_chunks::<3>().0.iter().copied()),
        _ => Palette::grey(),
    }
}

/// Run lengths, which end with their row.
struct Runs<'a> {
    rest: &'a [u8],
}

impl Runs<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<(), DecodeError> {
        let missing = || Format::Pcx.truncated("rows are missing");
        let mut at = 0;
        while at < row.len() {
            let (&head, after) = self.rest.split_first().ok_or_else(missing)?;
            self.rest = after;
            if head < 0xc0 {
                row[at] = head;
                at += 1;
                continue;
            }
            let (&value, after) = self.rest.split_first().ok_or_else(missing)?;
            self.rest = after;
            let run = row.get_mut(at..at + usize::from(head & 0x3f));
            run.ok_or_else(|| Format::Pcx.corrupt("a run goes past the end of its row"))?
                .fill(value);
            at += usize::from(head & 0x3f);
        }
        Ok(())
    }
}

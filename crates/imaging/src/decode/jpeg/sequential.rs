use super::bits::Bits;
use super::frame::Frame;
use super::huffman::Table;
use super::idct::{inverse, inverse_flat};
use super::planes::Planes;
use super::scan::Scan;
use super::tables::{Tables, ZIGZAG};
use crate::{DecodeError, Format};

/// What a scan needs to know about one of its components.
struct Part<'a> {
    dc: &'a Table,
    ac: &'a Table,
    quantization: [i32; 64],
    component: usize,
    stride: usize,
}

struct State<'a> {
    planes: &'a mut Planes,
    /// The last mean of each component in the scan, which the next one is stored relative to.
    means: [i32; 4],
}

/// Decodes a scan with all coefficients of its components, straight to samples. Inlined where the
/// processor's features are known.
#[inline(always)]
pub(super) fn decode(
    scan: &Scan,
    frame: &Frame,
    tables: &Tables,
    data: &[u8],
    restart_interval: usize,
    planes: &mut Planes,
) -> Result<(), DecodeError> {
    let mut parts = Vec::new();
    for part in &scan.parts {
        let missing = || Format::Jpeg.corrupt("a scan lacks its tables");
        parts.push(Part {
            dc: tables.dc[part.dc].as_ref().ok_or_else(missing)?,
            ac: tables.ac[part.ac].as_ref().ok_or_else(missing)?,
            quantization: planes.quantization[part.component].ok_or_else(missing)?,
            component: part.component,
            stride: frame.components[part.component].stride,
        });
    }
    let mut state = State {
        planes,
        means: [0; 4],
    };
    scan.walk(
        frame,
        data,
        restart_interval,
        &mut state,
        #[inline(always)]
        |state, bits, slot, x, y| {
            let part = &parts[slot];
            let mut block = [0_i16; 64];
            let flat = read_block(bits, part, &mut state.means[slot], &mut block)?;
            let plane = &mut state.planes.samples[part.component];
            let target = &mut plane[y * 8 * part.stride + x * 8..];
            if flat {
                inverse_flat(block[0], part.quantization[0], target, part.stride);
            } else {
                inverse(&block, &part.quantization, target, part.stride);
            }
            Ok(())
        },
        |state| state.means = [0; 4],
    )
}

/// Reads a block's coefficients; true if there are none but the mean.
#[inline(always)]
fn read_block(
    bits: &mut Bits<'_>,
    part: &Part<'_>,
    mean: &mut i32,
    block: &mut [i16; 64],
) -> Result<bool, DecodeError> {
    let size = part.dc.symbol(bits)?;
    match size {
        0 => {}
        1..=15 => *mean = mean.wrapping_add(bits.number(size.into())),
        _ => return Err(Format::Jpeg.corrupt("a difference of means is too large")),
    }
    block[0] = *mean as i16;
    let mut flat = true;
    let mut at = 1;
    while at < 64 {
        let symbol = part.ac.symbol(bits)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if zeros < 15 {
                break;
            }
            at += 16;
            continue;
        }
        at += zeros;
        let Some(&place) = ZIGZAG.get(at) else {
            return Err(Format::Jpeg.corrupt("a block has more than 64 coefficients"));
        };
        block[usize::from(place & 63)] = bits.number(size) as i16;
        flat = false;
        at += 1;
    }
    Ok(flat)
}

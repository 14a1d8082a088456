use super::bits::Bits;
use super::frame::Frame;
use super::huffman::Table;
use super::scan::Scan;
use super::tables::{Tables, ZIGZAG};
use crate::{DecodeError, Format};

/// All coefficients of a component, block by block, in rows of `wide` blocks.
pub(super) struct Coefficients {
    pub(super) blocks: Vec<[i16; 64]>,
    pub(super) wide: usize,
}

struct State<'a> {
    components: &'a mut [Coefficients],
    means: [i32; 4],
    /// Blocks still to come that have nothing new in this band.
    empty: u32,
}

/// Adds what a scan brings to the coefficients.
pub(super) fn decode(
    scan: &Scan,
    frame: &Frame,
    tables: &Tables,
    data: &[u8],
    restart_interval: usize,
    components: &mut [Coefficients],
) -> Result<(), DecodeError> {
    let missing = || Format::Jpeg.corrupt("a scan lacks its tables");
    let mut used = Vec::new();
    for part in &scan.parts {
        let table = match (scan.first, scan.refines) {
            (0, true) => None,
            (0, false) => Some(tables.dc[part.dc].as_ref().ok_or_else(missing)?),
            _ => Some(tables.ac[part.ac].as_ref().ok_or_else(missing)?),
        };
        used.push(table);
    }
    let mut state = State {
        components,
        means: [0; 4],
        empty: 0,
    };
    scan.walk(
        frame,
        data,
        restart_interval,
        &mut state,
        |state, bits, slot, x, y| {
            let coefficients = &mut state.components[scan.parts[slot].component];
            let block = &mut coefficients.blocks[y * coefficients.wide + x];
            match (used[slot], scan.first) {
                (None, _) => {
                    if bits.flag() {
                        block[0] |= 1 << scan.shift;
                    }
                    Ok(())
                }
                (Some(table), 0) => first_mean(bits, table, scan, &mut state.means[slot], block),
                (Some(table), _) if scan.refines => {
                    refine_band(bits, table, scan, &mut state.empty, block)
                }
                (Some(table), _) => first_band(bits, table, scan, &mut state.empty, block),
            }
        },
        |state| {
            state.means = [0; 4];
            state.empty = 0;
        },
    )
}

fn first_mean(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    mean: &mut i32,
    block: &mut [i16; 64],
) -> Result<(), DecodeError> {
    match table.symbol(bits)? {
        0 => {}
        size @ 1..=15 => *mean = mean.wrapping_add(bits.number(size.into())),
        _ => return Err(Format::Jpeg.corrupt("a difference of means is too large")),
    }
    block[0] = (*mean << scan.shift) as i16;
    Ok(())
}

/// A run of blocks without anything new: how many follow this one. Its length has `size` more bits.
fn empty_run(bits: &mut Bits<'_>, size: u32) -> u32 {
    let extra = if size == 0 {
        0
    } else {
        bits.take(size).cast_unsigned()
    };
    (1 << size) - 1 + extra
}

fn beyond() -> DecodeError {
    Format::Jpeg.corrupt("a block has more coefficients than its band")
}

fn first_band(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    empty: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), DecodeError> {
    if *empty > 0 {
        *empty -= 1;
        return Ok(());
    }
    let mut at = scan.first;
    while at <= scan.last {
        let symbol = table.symbol(bits)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (size, zeros) {
            (0, 15) => at += 16,
            (0, _) => {
                *empty = empty_run(bits, zeros as u32);
                break;
            }
            _ => {
                at += zeros;
                let &place = ZIGZAG.get(at).ok_or_else(beyond)?;
                block[usize::from(place)] = (bits.number(size) << scan.shift) as i16;
                at += 1;
            }
        }
    }
    Ok(())
}

/// One more bit for each coefficient that is known already, and new ones of the size of that bit
/// between them.
fn refine_band(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    empty: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), DecodeError> {
    let step = 1_i16 << scan.shift;
    let mut at = scan.first;
    if *empty == 0 {
        while at <= scan.last {
            let symbol = table.symbol(bits)?;
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            let new = match size {
                0 if zeros < 15 => {
                    // Counts this block too, whose rest is refined below.
                    *empty = empty_run(bits, zeros) + 1;
                    break;
                }
                0 => 0,
                1 if bits.flag() => step,
                1 => -step,
                _ => return Err(Format::Jpeg.corrupt("a new coefficient is larger than one bit")),
            };
            // Past `zeros` coefficients that stay zero, refining the others on the way.
            while at <= scan.last {
                let coefficient = &mut block[usize::from(ZIGZAG[at])];
                if *coefficient != 0 {
                    refine(bits, step, coefficient);
                } else if zeros == 0 {
                    if new != 0 {
                        *coefficient = new;
                    }
                    at += 1;
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
        }
    }
    if *empty > 0 {
        for &place in &ZIGZAG[at..=scan.last.max(at).min(63)] {
            let coefficient = &mut block[usize::from(place)];
            if *coefficient != 0 {
                refine(bits, step, coefficient);
            }
        }
        *empty -= 1;
    }
    Ok(())
}

#[inline(always)]
fn refine(bits: &mut Bits<'_>, step: i16, coefficient: &mut i16) {
    if bits.flag() && *coefficient & step == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient > 0 { step } else { -step });
    }
}

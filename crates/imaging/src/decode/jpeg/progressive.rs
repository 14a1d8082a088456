use super::bits::{BitReader, Bits};
use super::blocks::BlockDecoder;
use super::huffman::Table;
use super::scan::Scan;
use super::tables::{Tables, ZIGZAG};
use crate::DecodeError;

/// Huffman codes of what one scan adds to the coefficients.
pub(super) struct Progressive {
    kind: Kind,
    first: usize,
    last: usize,
    shift: u32,
    means: [i32; 4],
    /// Blocks still to come that have nothing new in this band.
    empty: u32,
}

enum Kind {
    Means(Vec<Table>),
    RefineMeans,
    Band(Table),
    RefineBand(Table),
}

impl Progressive {
    pub(super) fn new(scan: &Scan, tables: &Tables) -> Result<Self, DecodeError> {
        let kind = match (scan.first, scan.refines) {
            (0, true) => Kind::RefineMeans,
            (0, false) => {
                let parts = scan.parts.iter();
                let tables = parts.map(|part| Table::for_means(tables.dc(part.dc)?));
                Kind::Means(tables.collect::<Result<_, _>>()?)
            }
            (_, refines) => {
                let definition = tables.ac(scan.parts[0].ac)?;
                if refines {
                    Kind::RefineBand(Table::for_symbols(definition)?)
                } else {
                    Kind::Band(Table::new(definition)?)
                }
            }
        };
        Ok(Self {
            kind,
            first: scan.first,
            last: scan.last,
            shift: scan.shift,
            means: [0; 4],
            empty: 0,
        })
    }
}

impl BlockDecoder<Bits<'_>> for Progressive {
    #[inline(always)]
    fn decode(&mut self, bits: &mut Bits<'_>, slot: usize, block: &mut [i16; 64]) {
        let Self {
            kind,
            first,
            last,
            shift,
            means,
            empty,
        } = self;
        let mut reader = bits.reader();
        match kind {
            Kind::Means(tables) => {
                let (_, difference) = tables[slot].number(&mut reader);
                let mean = &mut means[slot];
                *mean = mean.wrapping_add(difference);
                block[0] = (*mean << *shift) as i16;
            }
            Kind::RefineMeans => {
                if reader.flag() {
                    block[0] |= 1 << *shift;
                }
            }
            Kind::Band(table) => {
                first_band(&mut reader, table, *first..=*last, *shift, empty, block)
            }
            Kind::RefineBand(table) => {
                refine_band(&mut reader, table, *first..=*last, *shift, empty, block)
            }
        }
        let end = reader.end();
        bits.go_on(end);
    }

    fn restart(&mut self) {
        self.means = [0; 4];
        self.empty = 0;
    }
}

/// A run of blocks without anything new, this one included. Its length has `size` more bits.
fn empty_run(bits: &mut BitReader<'_, '_>, size: u32) -> u32 {
    let extra = if size == 0 {
        0
    } else {
        bits.take(size).cast_unsigned()
    };
    (1 << size) + extra
}

#[inline(always)]
fn first_band(
    bits: &mut BitReader<'_, '_>,
    table: &Table,
    band: std::ops::RangeInclusive<usize>,
    shift: u32,
    empty: &mut u32,
    block: &mut [i16; 64],
) {
    if *empty > 0 {
        *empty -= 1;
        return;
    }
    let (mut at, last) = band.into_inner();
    while at <= last {
        let (zeros, number) = table.number(bits);
        match (number, zeros) {
            (0, 15) => at += 16,
            (0, _) => {
                *empty = empty_run(bits, zeros as u32) - 1;
                break;
            }
            _ => {
                at += zeros;
                block[usize::from(ZIGZAG[at])] = (number << shift) as i16;
                at += 1;
            }
        }
    }
}

/// One more bit for each coefficient that is known already, and new ones of the size of that bit
/// between them.
#[inline(always)]
fn refine_band(
    bits: &mut BitReader<'_, '_>,
    table: &Table,
    band: std::ops::RangeInclusive<usize>,
    shift: u32,
    empty: &mut u32,
    block: &mut [i16; 64],
) {
    let step = 1_i16 << shift;
    let (mut at, last) = band.into_inner();
    if *empty == 0 {
        while at <= last {
            let symbol = table.symbol(bits);
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            let new = match size {
                0 if zeros < 15 => {
                    // The rest of this block is refined below.
                    *empty = empty_run(bits, zeros);
                    break;
                }
                0 => 0,
                // Any other size than 1 is wrong, and libjpeg takes it for 1.
                _ if bits.flag() => step,
                _ => -step,
            };
            // Past `zeros` coefficients that stay zero, refining the others on the way.
            while at <= last {
                let coefficient = &mut block[usize::from(ZIGZAG[at])];
                if *coefficient != 0 {
                    refine(bits, step, coefficient);
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            // In damaged data the band may be over here; libjpeg goes on to the place behind it.
            if new != 0 {
                block[usize::from(ZIGZAG[at])] = new;
            }
            at += 1;
        }
    }
    if *empty > 0 {
        for &place in ZIGZAG.get(at..=last).unwrap_or(&[]) {
            let coefficient = &mut block[usize::from(place)];
            if *coefficient != 0 {
                refine(bits, step, coefficient);
            }
        }
        *empty -= 1;
    }
}

#[inline(always)]
fn refine(bits: &mut BitReader<'_, '_>, step: i16, coefficient: &mut i16) {
    if bits.flag() && *coefficient & step == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient > 0 { step } else { -step });
    }
}

use super::huffman::Table;
use crate::{DecodeError, Format};

/// Where the `n`th coefficient of the file lies in a block.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The Huffman tables that the file has defined so far, for DC and AC.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Table>; 4],
    pub(super) ac: [Option<Table>; 4],
}

/// Reads the payload of a define Huffman tables segment.
pub(super) fn read_huffman_tables(
    mut payload: &[u8],
    tables: &mut Tables,
) -> Result<(), DecodeError> {
    let corrupt = || Format::Jpeg.corrupt("a Huffman table is cut off");
    while !payload.is_empty() {
        let (&[class], rest) = payload.split_first_chunk::<1>().ok_or_else(corrupt)?;
        let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(corrupt)?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total).ok_or_else(corrupt)?;
        let kind = match class >> 4 {
            0 => &mut tables.dc,
            1 => &mut tables.ac,
            _ => return Err(Format::Jpeg.corrupt(format!("a Huffman table of class {class:#x}"))),
        };
        let place = kind.get_mut(usize::from(class & 15)).ok_or_else(corrupt)?;
        *place = Some(Table::new(counts, symbols)?);
        payload = rest;
    }
    Ok(())
}

/// Reads the payload of a define quantization tables segment.
pub(super) fn read_quantization_tables(
    mut payload: &[u8],
    tables: &mut [Option<[i32; 64]>; 4],
) -> Result<(), DecodeError> {
    let corrupt = || Format::Jpeg.corrupt("a quantization table is cut off");
    while !payload.is_empty() {
        let (&[kind], rest) = payload.split_first_chunk::<1>().ok_or_else(corrupt)?;
        let wide = kind >> 4 != 0;
        let (factors, rest) = rest
            .split_at_checked(if wide { 128 } else { 64 })
            .ok_or_else(corrupt)?;
        let mut table = [0; 64];
        for (index, &place) in ZIGZAG.iter().enumerate() {
            table[usize::from(place)] = if wide {
                i32::from(u16::from_be_bytes([
                    factors[index * 2],
                    factors[index * 2 + 1],
                ]))
            } else {
                i32::from(factors[index])
            };
        }
        *tables.get_mut(usize::from(kind & 15)).ok_or_else(corrupt)? = Some(table);
        payload = rest;
    }
    Ok(())
}

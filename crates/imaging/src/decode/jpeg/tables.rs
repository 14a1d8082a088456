use super::huffman::Definition;
use crate::{DecodeError, Format};

/// Where the `n`th coefficient of the file lies in a block. Damaged data may count past the last
/// one, by up to 15; those coefficients all end up in the last place, as in libjpeg.
pub(super) const ZIGZAG: [u8; 80] = {
    let mut zigzag = [63; 80];
    let (mut place, mut at) = ((0, 0), 0);
    while at < 64 {
        let (row, column) = place;
        zigzag[at] = row * 8 + column;
        // Even diagonals lead up and to the right, odd ones down and to the left.
        place = match ((row + column) % 2 == 0, row, column) {
            (true, _, 7) => (row + 1, column),
            (true, 0, _) => (row, column + 1),
            (true, ..) => (row - 1, column + 1),
            (false, 7, _) => (row, column + 1),
            (false, _, 0) => (row + 1, column),
            (false, ..) => (row + 1, column - 1),
        };
        at += 1;
    }
    zigzag
};

/// What the file has defined so far.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Definition>; 4],
    pub(super) ac: [Option<Definition>; 4],
    pub(super) quantization: [Option<[i32; 64]>; 4],
}

impl Tables {
    /// Reads the payload of a define Huffman tables segment.
    pub(super) fn read_huffman(&mut self, mut payload: &[u8]) -> Result<(), DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("a Huffman table is cut off");
        while let Some((&[class], rest)) = payload.split_first_chunk::<1>() {
            let (&counts, rest) = rest.split_first_chunk::<16>().ok_or_else(corrupt)?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if total > 256 {
                return Err(Format::Jpeg.corrupt(format!("a Huffman table of {total} codes")));
            }
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(corrupt)?;
            let kind = match class >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => {
                    return Err(
                        Format::Jpeg.corrupt(format!("a Huffman table of class {class:#x}"))
                    );
                }
            };
            let symbols = symbols.to_vec();
            let place = kind.get_mut(usize::from(class & 15));
            *place.ok_or_else(corrupt)? = Some(Definition { counts, symbols });
            payload = rest;
        }
        Ok(())
    }

    /// Reads the payload of a define quantization tables segment.
    pub(super) fn read_quantization(&mut self, mut payload: &[u8]) -> Result<(), DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("a quantization table is cut off");
        while let Some((&[kind], rest)) = payload.split_first_chunk::<1>() {
            let wide = kind >> 4 != 0;
            let size = if wide { 128 } else { 64 };
            let (factors, rest) = rest.split_at_checked(size).ok_or_else(corrupt)?;
            let mut table = [0; 64];
            for (index, &place) in ZIGZAG[..64].iter().enumerate() {
                let factor = &factors[index * size / 64..][..size / 64];
                table[usize::from(place)] = factor
                    .iter()
                    .fold(0, |high, &low| high << 8 | i32::from(low));
            }
            let place = self.quantization.get_mut(usize::from(kind & 15));
            *place.ok_or_else(corrupt)? = Some(table);
            payload = rest;
        }
        Ok(())
    }

    /// The table for means that a scan names.
    pub(super) fn dc(&self, number: usize) -> Result<&Definition, DecodeError> {
        let table = self.dc.get(number).and_then(Option::as_ref);
        table.ok_or_else(|| Format::Jpeg.corrupt("a scan lacks its tables"))
    }

    /// The table for the other coefficients that a scan names.
    pub(super) fn ac(&self, number: usize) -> Result<&Definition, DecodeError> {
        let table = self.ac.get(number).and_then(Option::as_ref);
        table.ok_or_else(|| Format::Jpeg.corrupt("a scan lacks its tables"))
    }
}

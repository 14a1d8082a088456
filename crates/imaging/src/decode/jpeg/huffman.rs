use super::bits::Bits;
use crate::{DecodeError, Format};

/// Codes up to this length are looked up in one step.
const SHORT: u32 = 9;

/// A Huffman table, as the file defines it: how many codes of each length, and their symbols.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next [`SHORT`] bits: the code's length and its symbol, or length 0 for longer codes.
    short: [(u8, u8); 1 << SHORT],
    /// By length: one past the last code, moved up to 16 bits.
    ends: [u32; 17],
    /// By length: what to add to a code for its symbol's place.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// `counts[n]` codes have `n + 1` bits; `symbols` in the order of the codes.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("its Huffman table has too many codes");
        let mut table = Self {
            short: [(0, 0); 1 << SHORT],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(counts) {
            table.offsets[length as usize] = place as i32 - code as i32;
            for _ in 0..count {
                let &symbol = symbols.get(place).ok_or_else(corrupt)?;
                if length <= SHORT {
                    let first = (code << (SHORT - length)) as usize;
                    let slots = table.short.get_mut(first..first + (1 << (SHORT - length)));
                    slots.ok_or_else(corrupt)?.fill((length as u8, symbol));
                }
                code += 1;
                place += 1;
            }
            if code > 1 << length {
                return Err(corrupt());
            }
            table.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// Takes one code and returns its symbol. Leaves at least 16 bits for what belongs to it.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, DecodeError> {
        bits.refill();
        let (length, symbol) = self.short[bits.peek(SHORT) as usize];
        if length > 0 {
            bits.skip(u32::from(length));
            return Ok(symbol);
        }
        self.long_symbol(bits)
    }

    fn long_symbol(&self, bits: &mut Bits<'_>) -> Result<u8, DecodeError> {
        let next = bits.peek(16);
        let length = (SHORT + 1..=16).find(|&length| next < self.ends[length as usize]);
        let symbol = length.and_then(|length| {
            bits.skip(length);
            let code = (next >> (16 - length)).cast_signed();
            let place = usize::try_from(code + self.offsets[length as usize]).ok()?;
            self.symbols.get(place).copied()
        });
        symbol.ok_or_else(|| Format::Jpeg.corrupt("it holds a code that its Huffman table lacks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_codes() {
        // Codes 0, 10, 110, and one of twelve bits, 1110_0000_0000.
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[11]) = (1, 1, 1, 1);
        let table = Table::new(&counts, &[7, 8, 9, 42]).unwrap();
        let mut bits = Bits::new(&[0b0101_1011, 0b1000_0000, 0b0001_1111]);
        let symbols: Vec<_> = (0..5).map(|_| table.symbol(&mut bits)).collect();
        assert_eq!(
            symbols[..4],
            [Ok(7), Ok(8), Ok(9), Ok(42)].map(|s: Result<u8, DecodeError>| s)
        );
        assert!(symbols[4].is_err() || symbols[4] == Ok(7));
    }

    #[test]
    fn too_many_codes_or_too_few_symbols() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, &[1, 2, 3]).is_err());
        counts[0] = 1;
        assert!(Table::new(&counts, &[]).is_err());
    }
}

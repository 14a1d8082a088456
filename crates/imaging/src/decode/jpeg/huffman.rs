use super::bits::Bits;
use crate::{DecodeError, Format};

/// Codes up to this length are looked up in one step.
const SHORT: u32 = 9;

/// A Huffman table as the file defines it: how many codes have each length, from 1, and the symbols
/// in the order of the codes.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) counts: [u8; 16],
    pub(super) symbols: Vec<u8>,
}

/// A Huffman table to decode with.
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
    pub(super) fn new(definition: &Definition) -> Result<Self, DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("its Huffman table has too many codes");
        let symbols = &definition.symbols;
        let mut table = Self {
            short: [(0, 0); 1 << SHORT],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.clone(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(&definition.counts) {
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
            // No code consists of ones alone.
            if count > 0 && code >= 1 << length {
                return Err(corrupt());
            }
            table.ends[length as usize] = if count > 0 { code << (16 - length) } else { 0 };
            code <<= 1;
        }
        Ok(table)
    }

    /// A table for means, whose symbols are sizes.
    pub(super) fn for_means(definition: &Definition) -> Result<Self, DecodeError> {
        if definition.symbols.iter().any(|&size| size > 15) {
            return Err(Format::Jpeg.corrupt("a difference of means is too large"));
        }
        Self::new(definition)
    }

    /// Takes one code and returns its symbol. Leaves at least 15 bits for what belongs to it.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> u8 {
        bits.refill();
        let (length, symbol) = self.short[bits.peek(SHORT) as usize];
        if length > 0 {
            bits.skip(u32::from(length));
            return symbol;
        }
        self.long_symbol(bits)
    }

    /// Where no code fits, libjpeg has taken 17 bits when it notices, and goes on with symbol 0.
    #[cold]
    #[inline(never)]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> u8 {
        let next = bits.peek(16);
        let length = (SHORT + 1..=16).find(|&length| next < self.ends[length as usize]);
        let Some(length) = length else {
            bits.skip(17);
            return 0;
        };
        bits.skip(length);
        let code = (next >> (16 - length)).cast_signed();
        let place = usize::try_from(code + self.offsets[length as usize]).ok();
        place
            .and_then(|place| self.symbols.get(place).copied())
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cursor::Cursor;
    use super::*;

    #[test]
    fn short_long_and_unknown_codes() {
        // Codes 0, 10, 110, and one of twelve bits, 1110_0000_0000.
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[11]) = (1, 1, 1, 1);
        let symbols = vec![7, 8, 9, 42];
        let table = Table::new(&Definition { counts, symbols }).unwrap();
        // Behind the five codes follow 17 ones, and a zero.
        let data = [
            0b0101_1011,
            0b1000_0000,
            0b0011_1111,
            0xff,
            0,
            0b1110_0000,
            0,
        ];
        let mut bits = Bits::new(Cursor { data: &data, at: 0 });
        let symbols = [0; 6].map(|_| table.symbol(&mut bits));
        assert_eq!(symbols, [7, 8, 9, 42, 0, 7]);
    }

    #[test]
    fn too_many_codes_or_too_few_symbols() {
        let table = |count, symbols: &[u8]| {
            let mut counts = [0; 16];
            counts[0] = count;
            Table::new(&Definition {
                counts,
                symbols: symbols.to_vec(),
            })
        };
        assert!(table(1, &[1]).is_ok());
        assert!(table(2, &[1, 2]).is_err());
        assert!(table(1, &[]).is_err());
    }
}

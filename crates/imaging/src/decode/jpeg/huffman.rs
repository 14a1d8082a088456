use super::bits::BitReader;
use crate::{DecodeError, Format};

/// Codes up to this length are looked up in one step, those with their number up to this length as well.
const SHORT: u32 = 10;

/// A Huffman table as the file defines it: how many codes have each length, from 1, and the symbols
/// in the order of the codes.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) counts: [u8; 16],
    pub(super) symbols: Vec<u8>,
}

/// A Huffman table to decode with.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next [`SHORT`] bits.
    short: [Short; 1 << SHORT],
    /// By length: one past the last code, moved up to 16 bits.
    ends: [u32; 17],
    /// By length: what to add to a code for its symbol's place.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

/// What the next bits begin with.
#[derive(Clone, Copy)]
struct Short {
    /// The number behind the code, or 0 where the bits do not hold all of one.
    number: i16,
    /// Bits of the code, and of the number if there is one; 0 for a code that is longer than the bits.
    length: u8,
    symbol: u8,
}

impl Table {
    /// A table for codes with numbers behind them, see [`Table::number`].
    pub(super) fn new(definition: &Definition) -> Result<Self, DecodeError> {
        Self::build(definition, Short::with_number)
    }

    /// A table for codes alone, see [`Table::symbol`].
    pub(super) fn for_symbols(definition: &Definition) -> Result<Self, DecodeError> {
        Self::build(definition, |symbol, length, _| Short::code(symbol, length))
    }

    fn build(
        definition: &Definition,
        short: impl Fn(u8, u32, u32) -> Short,
    ) -> Result<Self, DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("its Huffman table has too many codes");
        let symbols = &definition.symbols;
        let mut table = Self {
            short: [Short::code(0, 0); 1 << SHORT],
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
                    for (next, slot) in slots.ok_or_else(corrupt)?.iter_mut().enumerate() {
                        *slot = short(symbol, length, next as u32);
                    }
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
    pub(super) fn symbol(&self, bits: &mut BitReader<'_, '_>) -> u8 {
        bits.refill();
        let short = self.short[bits.peek(SHORT) as usize];
        self.taken(short, bits)
    }

    #[inline(always)]
    fn taken(&self, short: Short, bits: &mut BitReader<'_, '_>) -> u8 {
        let (length, symbol) = match short.length {
            0 => self.long_symbol(bits.peek(16)),
            length => (length.into(), short.symbol),
        };
        bits.skip(length);
        symbol
    }

    /// Takes one code and the number that belongs to it: the zeros before it, and the number, which is 0 for a code without one.
    #[inline(always)]
    pub(super) fn number(&self, bits: &mut BitReader<'_, '_>) -> (usize, i32) {
        bits.refill();
        let short = self.short[bits.peek(SHORT) as usize];
        if short.number != 0 {
            bits.skip(u32::from(short.length));
            return (usize::from(short.symbol >> 4), short.number.into());
        }
        let symbol = self.taken(short, bits);
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        (zeros, if size == 0 { 0 } else { bits.number(size) })
    }

    /// The length and the symbol of a code that is not short, by the `next` 16 bits. Where no code fits, libjpeg has taken 17
    /// bits when it notices, and goes on with symbol 0.
    #[cold]
    #[inline(never)]
    fn long_symbol(&self, next: u32) -> (u32, u8) {
        let length = (SHORT + 1..=16).find(|&length| next < self.ends[length as usize]);
        let Some(length) = length else {
            return (17, 0);
        };
        let code = (next >> (16 - length)).cast_signed();
        let place = usize::try_from(code + self.offsets[length as usize]).ok();
        let symbol = place.and_then(|place| self.symbols.get(place).copied());
        (length, symbol.unwrap_or(0))
    }
}

impl Short {
    fn code(symbol: u8, length: u32) -> Self {
        Self {
            number: 0,
            length: length as u8,
            symbol,
        }
    }

    /// A code of `length` bits, with `next` behind it in the bits that are left.
    fn with_number(symbol: u8, length: u32, next: u32) -> Self {
        let size = u32::from(symbol & 15);
        let left = SHORT - length;
        if size == 0 || size > left {
            return Self::code(symbol, length);
        }
        let number = extend((next >> (left - size)).cast_signed(), size);
        Self {
            number: number as i16,
            ..Self::code(symbol, length + size)
        }
    }
}

/// A number of `size` bits, 1 to 15, whose upper half is positive.
#[inline(always)]
pub(super) fn extend(bits: i32, size: u32) -> i32 {
    if bits < 1 << (size - 1) {
        bits - (1 << size) + 1
    } else {
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::Bits;
    use super::super::cursor::Cursor;
    use super::*;

    #[test]
    fn short_long_and_unknown_codes() {
        // Codes 0, 10, 110, and one of twelve bits, 1110_0000_0000.
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[11]) = (1, 1, 1, 1);
        let symbols = vec![7, 8, 9, 42];
        let table = Table::for_symbols(&Definition { counts, symbols }).unwrap();
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
        let mut reader = bits.reader();
        let symbols = [0; 6].map(|_| table.symbol(&mut reader));
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

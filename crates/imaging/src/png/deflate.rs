//! Deflate for what PNG's filters leave of photographs: a prefix code for bytes and for runs of zeros. Other repetitions are
//! not looked for: they are rare, and looking takes most of a compressor's time.

use super::huffman::Code;

/// Bytes, the end of a block, and the lengths of runs.
const SYMBOLS: usize = 286;
const END: usize = 256;
/// Bits of a symbol at most: four symbols and what is left of a byte fit into 64 bits.
const LIMIT: usize = 14;
/// Bytes looked at together: only if all of them are zeros, they are worth a run.
const WORD: usize = 32;
/// The longest run that one symbol stands for, and the shortest one.
const LONGEST: usize = 258;
const SHORTEST: usize = 3;

/// `data`, one byte at least, as one block that is not the last one and ends on a whole byte.
pub(super) fn block(data: &[u8]) -> Vec<u8> {
    let mut counts = Counts([[0; SYMBOLS]; 4]);
    walk(data, &mut counts);
    let mut counts = counts.sum();
    counts[END] = 1;
    let code = Code::new(&counts, LIMIT);
    // Nearly all of a photograph's bytes get shorter.
    let mut writer = Writer {
        symbols: std::array::from_fn(|symbol| {
            u32::from(code.bits[symbol]) | u32::from(code.lengths[symbol]) << 16
        }),
        bits: Bits::new(data.len() / 4 * 3),
    };
    writer.bits.write_header(&code);
    walk(data, &mut writer);
    writer.put(END);
    // An empty stored block ends on a whole byte.
    writer.bits.put(0, 3);
    let mut block = writer.bits.finish();
    block.extend_from_slice(&[0, 0, 0xff, 0xff]);
    block
}

/// What a pass over the data makes of it.
trait Symbols {
    /// The bytes of some words.
    fn words(&mut self, words: &[[u8; WORD]]);
    /// One byte.
    fn byte(&mut self, byte: u8);
    /// So many bytes like the one before, from [`SHORTEST`] to [`LONGEST`].
    fn run(&mut self, length: usize);
}

fn walk(data: &[u8], symbols: &mut impl Symbols) {
    let (mut words, rest) = data.as_chunks::<WORD>();
    while !words.is_empty() {
        let zeros = words.iter().position(|word| *word == [0; WORD]);
        let (some, from_zeros) = words.split_at(zeros.unwrap_or(words.len()));
        symbols.words(some);
        let others = from_zeros.iter().position(|word| *word != [0; WORD]);
        let (zeros, others) = from_zeros.split_at(others.unwrap_or(from_zeros.len()));
        if !zeros.is_empty() {
            write_zeros(zeros.len() * WORD, symbols);
        }
        words = others;
    }
    rest.iter().for_each(|&byte| symbols.byte(byte));
}

fn write_zeros(count: usize, symbols: &mut impl Symbols) {
    symbols.byte(0);
    let mut left = count - 1;
    while left >= SHORTEST {
        let length = left.min(LONGEST);
        symbols.run(length);
        left -= length;
    }
    (0..left).for_each(|_| symbols.byte(0));
}

/// The symbol for a run, and the bits behind it: their value and how many they are (RFC 1951, 3.2.5).
fn run_symbol(length: usize) -> (usize, u64, u32) {
    if length == LONGEST {
        return (285, 0, 0);
    }
    // Four symbols for each number of extra bits, of which the first four have none.
    let offset = length - SHORTEST;
    let extra = offset.max(4).ilog2() - 2;
    let symbol = 257 + 4 * extra as usize + (offset >> extra);
    (symbol, (offset & ((1 << extra) - 1)) as u64, extra)
}

/// How often each symbol occurs. Four tables, so that a symbol need not wait for the same one just before.
struct Counts([[u32; SYMBOLS]; 4]);

impl Counts {
    fn sum(&self) -> [u32; SYMBOLS] {
        std::array::from_fn(|symbol| self.0.iter().map(|table| table[symbol]).sum())
    }
}

impl Symbols for Counts {
    fn words(&mut self, words: &[[u8; WORD]]) {
        let [a, b, c, d] = &mut self.0;
        for word in words {
            for &[first, second, third, fourth] in word.as_chunks::<4>().0 {
                a[usize::from(first)] += 1;
                b[usize::from(second)] += 1;
                c[usize::from(third)] += 1;
                d[usize::from(fourth)] += 1;
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.0[0][usize::from(byte)] += 1;
    }

    fn run(&mut self, length: usize) {
        self.0[0][run_symbol(length).0] += 1;
    }
}

struct Writer {
    /// For each symbol its bits, and above them how many they are.
    symbols: [u32; SYMBOLS],
    bits: Bits,
}

impl Writer {
    #[inline(always)]
    fn put(&mut self, symbol: usize) {
        let symbol = self.symbols[symbol];
        self.bits.put(u64::from(symbol & 0xffff), symbol >> 16);
    }
}

impl Symbols for Writer {
    fn words(&mut self, words: &[[u8; WORD]]) {
        let join = |(first, length): (u64, u32), symbol: u32| {
            let bits = first | u64::from(symbol & 0xffff) << length;
            (bits, length + (symbol >> 16))
        };
        // On their own they stay in registers.
        let mut pending = self.bits.pending;
        for word in words {
            for half in word.as_chunks::<4>().0 {
                let symbols = half.map(|byte| self.symbols[usize::from(byte)]);
                let (bits, count) = symbols.into_iter().fold((0, 0), join);
                pending.put(bits, count, &mut self.bits.buffer);
            }
            if pending.whole > BUFFER {
                self.bits
                    .out
                    .extend_from_slice(&self.bits.buffer[..pending.whole]);
                pending.whole = 0;
            }
        }
        self.bits.pending = pending;
    }

    fn byte(&mut self, byte: u8) {
        self.put(usize::from(byte));
    }

    fn run(&mut self, length: usize) {
        let (symbol, extra, count) = run_symbol(length);
        self.put(symbol);
        // The only distance, one byte back, has a code of one zero.
        self.bits.put(extra, count + 1);
    }
}

/// Bits one after the other, the lowest of a byte first.
struct Bits {
    out: Vec<u8>,
    /// The next bytes.
    buffer: [u8; BUFFER + ROOM],
    pending: Pending,
}

/// Bytes that go to the output at once.
const BUFFER: usize = 4096;
/// What may be written until the next look at how many they are: a word's codes, and a last word that is not whole.
const ROOM: usize = WORD * LIMIT / 8 + 2 + WORD;

impl Bits {
    fn new(capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            buffer: [0; _],
            pending: Pending::default(),
        }
    }

    /// At most 56 bits.
    fn put(&mut self, bits: u64, count: u32) {
        self.pending.put(bits, count, &mut self.buffer);
        if self.pending.whole > BUFFER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.out
            .extend_from_slice(&self.buffer[..self.pending.whole]);
        self.pending.whole = 0;
    }

    /// All whole bytes, of which the last is filled up.
    fn finish(mut self) -> Vec<u8> {
        self.put(0, self.pending.count.wrapping_neg() % 8);
        self.flush();
        self.out
    }

    /// A block's head (RFC 1951, 3.2.7): it is not the last one, and has the lengths of its codes in front, in a code of their own.
    fn write_header(&mut self, code: &Code<SYMBOLS>) {
        /// Symbols of the lengths' code, in the order in which their own lengths are written.
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        // One distance, of one bit, follows.
        let lengths = code.lengths.iter().chain(&[1]);
        let mut counts = [0; ORDER.len()];
        lengths
            .clone()
            .for_each(|&length| counts[usize::from(length)] += 1);
        let lengths_code = Code::new(&counts, 7);
        self.put(0b100, 3);
        self.put(SYMBOLS as u64 - 257, 5);
        self.put(0, 5);
        self.put(ORDER.len() as u64 - 4, 4);
        for symbol in ORDER {
            self.put(lengths_code.lengths[symbol].into(), 3);
        }
        for &length in lengths {
            let length = usize::from(length);
            self.put(
                lengths_code.bits[length].into(),
                lengths_code.lengths[length].into(),
            );
        }
    }
}

/// What is not in the output yet.
#[derive(Clone, Copy, Default)]
struct Pending {
    /// Bytes in the buffer.
    whole: usize,
    /// Fewer than eight bits.
    bits: u64,
    count: u32,
}

impl Pending {
    /// Adds at most 56 bits.
    #[inline(always)]
    fn put(&mut self, bits: u64, count: u32, buffer: &mut [u8; BUFFER + ROOM]) {
        self.bits |= bits << self.count;
        self.count += count;
        if let Some(place) = buffer[self.whole..].first_chunk_mut() {
            *place = self.bits.to_le_bytes();
        }
        self.whole += (self.count / 8) as usize;
        self.bits >>= self.count / 8 * 8;
        self.count %= 8;
    }
}

#[cfg(test)]
mod tests {
    use flate2::read::DeflateDecoder;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use std::io::Read;

    use super::*;

    fn inflated(blocks: &[u8]) -> Vec<u8> {
        let mut all = blocks.to_vec();
        all.extend_from_slice(&[3, 0]);
        let mut data = Vec::new();
        DeflateDecoder::new(&all[..])
            .read_to_end(&mut data)
            .unwrap();
        data
    }

    #[test]
    fn runs_of_zeros_of_every_length() {
        for zeros in 0..1_100 {
            let data = [&[7; 3][..], &vec![0; zeros], &[9; 30]].concat();
            assert_eq!(inflated(&block(&data)), data, "{zeros}");
        }
        let data = vec![0; 1 << 18];
        let blocks = block(&data);
        assert_eq!(inflated(&blocks), data);
        assert!(blocks.len() < 600, "{}", blocks.len());
    }

    #[test]
    fn bytes_of_all_frequencies() {
        // Byte n occurs about twice as often as byte n + 1: the rarest would have codes beyond the limit.
        let data: Vec<u8> = (1_u32..1 << 20)
            .map(|at| at.trailing_zeros() as u8 * 5 + 1)
            .collect();
        let blocks = block(&data);
        assert_eq!(inflated(&blocks), data);
        assert!(blocks.len() < data.len() / 8 * 2 + 1000, "two bits a byte");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_blocks(parts in vec(vec((any::<u8>(), 1_usize..40), 1..60), 1..4)) {
            let parts: Vec<Vec<u8>> = parts
                .iter()
                .map(|runs| runs.iter().flat_map(|&(byte, count)| vec![byte & 0x1f; count]).collect())
                .collect();
            let blocks: Vec<u8> = parts.iter().flat_map(|part| block(part)).collect();
            prop_assert_eq!(inflated(&blocks), parts.concat());
        }
    }
}

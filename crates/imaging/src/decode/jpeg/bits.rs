//! The bits of entropy-coded data, up to the next marker.

use super::cursor::{Coded, Cursor};
use super::walk::{Entropy, Supply};

/// A reader that goes on with zeros behind the data and remembers that it did.
pub(super) struct Bits<'a> {
    cursor: Cursor<'a>,
    /// The next bits, from the highest down. Below `count` may lie bits of bytes yet to be taken.
    buffer: u64,
    count: u32,
    /// Zeros among the `count` bits, behind all real ones.
    padding: u32,
    /// The padding stands for the end of the file, not for a marker.
    ended: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(cursor: Cursor<'a>) -> Self {
        Self {
            cursor,
            buffer: 0,
            count: 0,
            padding: 0,
            ended: false,
        }
    }

    /// Makes sure of 32 bits: a code and the bits that belong to it.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count < 32 {
            let Cursor { data, at } = self.cursor;
            match data.get(at..).and_then(<[u8]>::first_chunk::<8>) {
                Some(bytes) if !bytes.contains(&0xff) => {
                    let word = u64::from_be_bytes(*bytes);
                    self.buffer |= word >> self.count;
                    let taken = (63 - self.count) / 8;
                    self.cursor.at += taken as usize;
                    self.count += taken * 8;
                }
                _ => self.refill_slowly(),
            }
        }
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match self.cursor.coded_byte() {
                Coded::Byte(byte) => byte,
                other => {
                    self.ended = matches!(other, Coded::End);
                    self.padding += 8;
                    0
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next `count` bits, 1 to 16, without taking them.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.buffer >> (64 - count)) as u32
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// Takes `count` bits, 1 to 16; needs a refill before it.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> i32 {
        let bits = self.peek(count).cast_signed();
        self.skip(count);
        bits
    }

    /// Takes one bit.
    #[inline(always)]
    pub(super) fn flag(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// Takes a number of `size` bits, 1 to 15, whose upper half is positive; needs a refill before.
    #[inline(always)]
    pub(super) fn number(&mut self, size: u32) -> i32 {
        let bits = self.take(size);
        if bits < 1 << (size - 1) {
            bits - (1 << size) + 1
        } else {
            bits
        }
    }

    /// Drops the bits that are left.
    pub(super) fn align(&mut self) {
        (self.buffer, self.count, self.padding) = (0, 0, 0);
    }
}

impl<'a> Entropy<'a> for Bits<'a> {
    #[inline(always)]
    fn supply(&self) -> Supply {
        if self.padding == 0 {
            return Supply::Enough;
        }
        // libjpeg looks eight bits ahead, and so does not get through to the end of a file that
        // ends behind its last code.
        let left = self.count.saturating_sub(self.padding);
        match self.ended {
            true if left < 8 => Supply::Ended,
            false if self.padding > self.count => Supply::Exhausted,
            _ => Supply::Enough,
        }
    }

    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.cursor
    }

    fn start_again(&mut self) {
        self.align();
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, Cursor, Entropy, Supply};

    fn bits(data: &[u8]) -> Bits<'_> {
        Bits::new(Cursor { data, at: 0 })
    }

    #[test]
    fn stuffed_zeros_go_and_markers_end_the_data() {
        let mut bits = bits(&[
            0xff, 0x00, 0xff, 0xff, 0x00, 0x0f, 0xff, 0xd3, 0xa0, 0xff, 0xd9,
        ]);
        bits.refill();
        assert_eq!([bits.take(16), bits.take(4)], [0xffff, 0]);
        assert_eq!(bits.take(4), 0xf);
        assert!(matches!(bits.supply(), Supply::Enough));
        assert_eq!(bits.take(1), 0);
        assert!(matches!(bits.supply(), Supply::Exhausted));
        assert_eq!(bits.cursor().restart(3), Ok(true));
        bits.start_again();
        bits.refill();
        assert_eq!(bits.take(3), 0b101);
    }

    #[test]
    fn a_file_that_ends_is_no_marker() {
        let mut bits = bits(&[0xa5, 0xa5]);
        bits.refill();
        assert_eq!(bits.take(8), 0xa5);
        assert!(matches!(bits.supply(), Supply::Enough));
        assert_eq!(bits.take(1), 1);
        assert!(matches!(bits.supply(), Supply::Ended));
    }

    #[test]
    fn long_runs_without_markers_keep_their_order() {
        let data: Vec<u8> = (0..=250).collect();
        let mut bits = bits(&data);
        for byte in 0..=250 {
            bits.refill();
            assert_eq!(bits.take(3) << 5 | bits.take(5), byte);
        }
    }

    #[test]
    fn the_lower_half_of_a_size_is_negative() {
        let mut bits = bits(&[0b0010_1100]);
        bits.refill();
        let numbers = [2, 2, 1, 1].map(|size| bits.number(size));
        assert_eq!(numbers, [-3, 2, 1, 1]);
    }
}

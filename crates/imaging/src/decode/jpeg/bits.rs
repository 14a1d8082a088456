//! The bits of entropy-coded data, up to the next marker.

use super::cursor::{Coded, Cursor};
use super::huffman::extend;
use super::walk::{Entropy, Supply};

/// Bytes that are taken out of the file at a time, and zeros that may follow the last of them.
const CHUNK: usize = 4096;
const ZEROS: usize = 128;

/// A reader that goes on with zeros behind the data and remembers that it did.
pub(super) struct Bits<'a> {
    /// Behind the bytes in `bytes`.
    cursor: Cursor<'a>,
    /// The data without its stuffed zeros; behind its end, zeros.
    bytes: Box<[u8; CHUNK + ZEROS]>,
    /// How many of `bytes` were left when more were taken, and where in the file those began.
    kept: usize,
    taken_from: usize,
    /// How many of `bytes` are data.
    len: usize,
    /// How many of `bytes` have gone to `buffer`.
    at: usize,
    /// Why no data follows, if none does.
    end: Option<End>,
    /// The next bits, from the highest down. Below `count` may lie bits of bytes yet to be taken.
    buffer: u64,
    count: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Marker,
    File,
}

impl<'a> Bits<'a> {
    pub(super) fn new(cursor: Cursor<'a>) -> Self {
        Self {
            taken_from: cursor.at,
            cursor,
            bytes: Box::new([0; CHUNK + ZEROS]),
            kept: 0,
            len: 0,
            at: 0,
            end: None,
            buffer: 0,
            count: 0,
        }
    }

    /// Makes sure of 56 bits: a code and the bits that belong to it have no more than 32.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let limit = if self.end.is_some() {
            CHUNK + ZEROS
        } else {
            self.len
        };
        if self.at + 8 > limit {
            self.fill();
        }
        if let Some(bytes) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            self.buffer |= u64::from_be_bytes(*bytes) >> self.count;
            self.at += ((63 - self.count) / 8) as usize;
            self.count |= 56;
        }
    }

    /// Takes more bytes out of the file, at least the eight that a refill wants; zeros where there are none.
    #[cold]
    #[inline(never)]
    fn fill(&mut self) {
        if self.end.is_some() {
            // However many zeros were taken, they are more than `buffer` holds.
            self.at = self.at.min(self.len + 16);
            return;
        }
        self.bytes.copy_within(self.at..self.len, 0);
        (self.len, self.at) = (self.len - self.at, 0);
        (self.kept, self.taken_from) = (self.len, self.cursor.at);
        while self.len < CHUNK {
            let rest = self.cursor.rest();
            let window = &rest[..rest.len().min(CHUNK - self.len)];
            let run = memchr::memchr(0xff, window).unwrap_or(window.len());
            self.bytes[self.len..][..run].copy_from_slice(&window[..run]);
            self.len += run;
            self.cursor.at += run;
            if self.len == CHUNK {
                break;
            }
            match self.cursor.coded_byte() {
                Coded::Byte(byte) => {
                    self.bytes[self.len] = byte;
                    self.len += 1;
                }
                Coded::Marker => self.end = Some(End::Marker),
                Coded::End => self.end = Some(End::File),
            }
            if self.end.is_some() {
                self.bytes[self.len..].fill(0);
                break;
            }
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
        if self.count == 0 {
            self.refill();
        }
        self.take(1) == 1
    }

    /// Takes a number of `size` bits, 1 to 15, whose upper half is positive; needs a refill before.
    #[inline(always)]
    pub(super) fn number(&mut self, size: u32) -> i32 {
        extend(self.take(size), size)
    }
}

impl<'a> Entropy<'a> for Bits<'a> {
    #[inline(always)]
    fn supply(&self) -> Supply {
        if self.at <= self.len {
            return Supply::Enough;
        }
        // Zeros in `buffer`, behind all data.
        let padding = (self.at - self.len) as u32 * 8;
        // libjpeg looks eight bits ahead, and so does not get through to the end of a file that
        // ends behind its last code.
        let left = self.count.saturating_sub(padding);
        match self.end {
            Some(End::File) if left < 8 => Supply::Ended,
            Some(End::Marker) if padding > self.count => Supply::Exhausted,
            _ => Supply::Enough,
        }
    }

    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.cursor
    }

    fn start_again(&mut self) {
        (self.buffer, self.count) = (0, 0);
        (self.len, self.at, self.end) = (0, 0, None);
        (self.kept, self.taken_from) = (0, self.cursor.at);
    }

    fn into_cursor(mut self) -> Cursor<'a> {
        // As far as the bytes that have gone to `buffer`, within eight.
        self.cursor.at = self.taken_from;
        for _ in self.kept..self.at.min(self.len) {
            self.cursor.coded_byte();
        }
        self.cursor
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

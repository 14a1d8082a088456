//! The bits of entropy-coded data, up to the next marker.

use super::cursor::{Coded, Cursor};
use super::huffman::extend;
use super::walk::{Entropy, Supply};

/// Bytes that are taken out of the file at a time, and zeros that may follow the last of them.
const CHUNK: usize = 4096;
const ZEROS: usize = 128;

/// A scan's data, and how far it has been read. Behind the data it goes on with zeros, and remembers that it did.
pub(super) struct Bits<'a> {
    data: Data<'a>,
    window: Window,
}

/// The data without its stuffed zeros, a chunk at a time.
struct Data<'a> {
    /// Behind the bytes in `bytes`.
    cursor: Cursor<'a>,
    /// Behind the end of the data, zeros.
    bytes: Box<[u8; CHUNK + ZEROS]>,
    /// How many of `bytes` are data.
    len: usize,
    /// How many of `bytes` may be read: all, if zeros stand behind the data.
    limit: usize,
    /// How many of `bytes` were left when more were taken, and where in the file those began.
    kept: usize,
    taken_from: usize,
    /// Why no data follows, if none does.
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Marker,
    File,
}

/// The bits that come next.
#[derive(Clone, Copy, Default)]
pub(super) struct Window {
    /// From the highest down. Below `count` may lie bits of bytes yet to be taken.
    buffer: u64,
    count: u32,
    /// How many of the data's bytes have gone to `buffer`.
    at: usize,
}

/// Takes bits out of a scan's data. While it is in use, the next bits are in registers.
pub(super) struct BitReader<'b, 'a> {
    data: &'b mut Data<'a>,
    window: Window,
}

impl<'a> Data<'a> {
    /// Takes more bytes out of the file, at least the eight that a refill wants; zeros where there are none.
    /// Returns where those begin that were not read: `at` was their place before.
    #[cold]
    #[inline(never)]
    fn fill(&mut self, at: usize) -> usize {
        if self.end.is_some() {
            // However many zeros were taken, they are more than a window holds.
            return at.min(self.len + 16);
        }
        self.bytes.copy_within(at..self.len, 0);
        self.len -= at;
        (self.kept, self.taken_from) = (self.len, self.cursor.at);
        while self.len < CHUNK && self.end.is_none() {
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
        }
        self.limit = self.len;
        if self.end.is_some() {
            self.bytes[self.len..].fill(0);
            self.limit = CHUNK + ZEROS;
        }
        0
    }
}

impl<'a> Bits<'a> {
    pub(super) fn new(cursor: Cursor<'a>) -> Self {
        Self {
            data: Data {
                taken_from: cursor.at,
                cursor,
                bytes: Box::new([0; CHUNK + ZEROS]),
                kept: 0,
                len: 0,
                limit: 0,
                end: None,
            },
            window: Window::default(),
        }
    }

    /// Lends the data for bits to be taken; [`BitReader::end`] says where [`Bits::go_on`] does.
    #[inline(always)]
    pub(super) fn reader(&mut self) -> BitReader<'_, 'a> {
        BitReader {
            window: self.window,
            data: &mut self.data,
        }
    }

    #[inline(always)]
    pub(super) fn go_on(&mut self, from: Window) {
        self.window = from;
    }
}

impl BitReader<'_, '_> {
    #[inline(always)]
    pub(super) fn end(self) -> Window {
        self.window
    }

    /// Makes sure of 56 bits: a code and the bits that belong to it have no more than 32.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let Window { buffer, count, at } = &mut self.window;
        if *at + 8 > self.data.limit {
            *at = self.data.fill(*at);
        }
        if let Some(bytes) = self
            .data
            .bytes
            .get(*at..)
            .and_then(<[u8]>::first_chunk::<8>)
        {
            *buffer |= u64::from_be_bytes(*bytes) >> *count;
            *at += ((63 - *count) / 8) as usize;
            *count |= 56;
        }
    }

    /// The next `count` bits, 1 to 16, without taking them.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.window.buffer >> (64 - count)) as u32
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.window.buffer <<= count;
        self.window.count -= count;
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
        if self.window.count < 32 {
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
        let Window { count, at, .. } = self.window;
        if at <= self.data.len {
            return Supply::Enough;
        }
        // Zeros in the window, behind all data.
        let padding = (at - self.data.len) as u32 * 8;
        // libjpeg looks eight bits ahead, and so does not get through to the end of a file that
        // ends behind its last code.
        let left = count.saturating_sub(padding);
        match self.data.end {
            Some(End::File) if left < 8 => Supply::Ended,
            Some(End::Marker) if padding > count => Supply::Exhausted,
            _ => Supply::Enough,
        }
    }

    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.data.cursor
    }

    fn start_again(&mut self) {
        let data = &mut self.data;
        (data.len, data.limit, data.end) = (0, 0, None);
        (data.kept, data.taken_from) = (0, data.cursor.at);
        self.window = Window::default();
    }

    fn into_cursor(self) -> Cursor<'a> {
        // As far as the bytes that have gone to the window, within eight.
        let mut cursor = self.data.cursor;
        cursor.at = self.data.taken_from;
        for _ in self.data.kept..self.window.at.min(self.data.len) {
            cursor.coded_byte();
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, Cursor, Entropy, Supply};

    fn bits(data: &[u8]) -> Bits<'_> {
        Bits::new(Cursor { data, at: 0 })
    }

    fn take(bits: &mut Bits<'_>, count: u32) -> i32 {
        let mut reader = bits.reader();
        reader.refill();
        let taken = reader.take(count);
        let end = reader.end();
        bits.go_on(end);
        taken
    }

    #[test]
    fn stuffed_zeros_go_and_markers_end_the_data() {
        let mut bits = bits(&[
            0xff, 0x00, 0xff, 0xff, 0x00, 0x0f, 0xff, 0xd3, 0xa0, 0xff, 0xd9,
        ]);
        assert_eq!(
            [16, 4, 4].map(|count| take(&mut bits, count)),
            [0xffff, 0, 0xf]
        );
        assert!(matches!(bits.supply(), Supply::Enough));
        assert_eq!(take(&mut bits, 1), 0);
        assert!(matches!(bits.supply(), Supply::Exhausted));
        assert_eq!(bits.cursor().restart(3), Ok(true));
        bits.start_again();
        assert_eq!(take(&mut bits, 3), 0b101);
    }

    #[test]
    fn a_file_that_ends_is_no_marker() {
        let mut bits = bits(&[0xa5, 0xa5]);
        assert_eq!(take(&mut bits, 8), 0xa5);
        assert!(matches!(bits.supply(), Supply::Enough));
        assert_eq!(take(&mut bits, 1), 1);
        assert!(matches!(bits.supply(), Supply::Ended));
    }

    #[test]
    fn long_data_keeps_its_order_and_says_where_it_was_left() {
        let data: Vec<u8> = (0..40_000).map(|at| (at % 251) as u8).collect();
        let mut bits = bits(&data);
        for byte in 0..30_000 {
            assert_eq!(take(&mut bits, 3) << 5 | take(&mut bits, 5), byte % 251);
        }
        let at = bits.into_cursor().at;
        assert!((30_000..=30_008).contains(&at), "{at}");
    }

    #[test]
    fn zeros_follow_the_data_for_ever() {
        let mut bits = bits(b"\xf0\xff\xd9");
        assert_eq!(take(&mut bits, 8), 0xf0);
        for _ in 0..10_000 {
            assert_eq!(take(&mut bits, 16), 0);
            assert!(matches!(bits.supply(), Supply::Exhausted));
        }
        assert_eq!(bits.into_cursor().at, 1);
    }

    #[test]
    fn the_lower_half_of_a_size_is_negative() {
        let mut bits = bits(&[0b0010_1100]);
        let mut reader = bits.reader();
        reader.refill();
        let numbers = [2, 2, 1, 1].map(|size| reader.number(size));
        assert_eq!(numbers, [-3, 2, 1, 1]);
    }
}

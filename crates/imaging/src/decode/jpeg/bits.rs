//! The bits of entropy-coded data, up to the next marker.

/// A reader that goes on with zeros behind the data and remembers that it did.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest down. Below `count` may lie bits of bytes yet to be taken.
    buffer: u64,
    count: u32,
    /// Zeros among the `count` bits, behind all real ones.
    padding: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            buffer: 0,
            count: 0,
            padding: 0,
        }
    }

    /// Makes sure of 32 bits: a code and the bits that belong to it.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count < 32 {
            match self.data.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
                Some(bytes) if !bytes.contains(&0xff) => {
                    let word = u64::from_be_bytes(*bytes);
                    self.buffer |= word >> self.count;
                    let taken = (63 - self.count) / 8;
                    self.at += taken as usize;
                    self.count += taken * 8;
                }
                _ => self.refill_slowly(),
            }
        }
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..) {
                // A stuffed zero belongs to the byte before it.
                Some(&[0xff, 0x00, ..]) => {
                    self.at += 2;
                    0xff
                }
                None | Some(&[] | &[0xff, ..]) => {
                    self.padding += 8;
                    0
                }
                Some(&[byte, ..]) => {
                    self.at += 1;
                    byte
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

    /// More bits were taken than there are.
    #[inline(always)]
    pub(super) fn overrun(&self) -> bool {
        self.padding > self.count
    }

    /// Drops what is left before the next marker and takes the marker if it is a restart.
    pub(super) fn restart(&mut self) -> bool {
        let rest = self.data.get(self.at..).unwrap_or(&[]);
        let mut pairs = rest.array_windows::<2>();
        let marker =
            pairs.position(|&[first, second]| first == 0xff && !matches!(second, 0 | 0xff));
        let Some(marker) = marker.filter(|&marker| matches!(rest[marker + 1], 0xd0..=0xd7)) else {
            return false;
        };
        *self = Self::new(self.data);
        self.at = self.data.len() - rest.len() + marker + 2;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn stuffed_zeros_go_and_markers_end_the_data() {
        let mut bits = Bits::new(&[0xff, 0x00, 0x0f, 0xff, 0xd3, 0xa0, 0xff, 0xd9]);
        bits.refill();
        assert_eq!(bits.take(12), 0xff0);
        assert_eq!(bits.take(4), 0xf);
        assert!(!bits.overrun());
        assert_eq!(bits.take(1), 0);
        assert!(bits.overrun());
        assert!(bits.restart());
        bits.refill();
        assert_eq!(bits.take(3), 0b101);
        assert!(!bits.restart());
    }

    #[test]
    fn long_runs_without_markers_keep_their_order() {
        let data: Vec<u8> = (0..=250).collect();
        let mut bits = Bits::new(&data);
        for byte in 0..=250 {
            bits.refill();
            assert_eq!(bits.take(3) << 5 | bits.take(5), byte);
        }
        assert!(!bits.overrun());
    }

    #[test]
    fn the_lower_half_of_a_size_is_negative() {
        let mut bits = Bits::new(&[0b0010_1100]);
        bits.refill();
        assert_eq!(
            [
                bits.number(2),
                bits.number(2),
                bits.number(1),
                bits.number(1)
            ],
            [-3, 2, 1, 1]
        );
    }
}

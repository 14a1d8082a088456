//! Boxes of the ISO base media file format (ISO/IEC 14496-12), the container of AVIF, JPEG 2000,
//! JPEG XL and HEIC.

/// One box: its type, and what is in it.
#[derive(Clone, Copy)]
pub(crate) struct Box<'a> {
    pub(crate) kind: [u8; 4],
    /// Shorter than the box declares where the file ends early.
    pub(crate) payload: &'a [u8],
}

/// The boxes in `bytes`, one after the other; a header that is cut off or impossible ends the list.
pub(crate) fn boxes(bytes: &[u8]) -> impl Iterator<Item = Box<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut reader = Reader(rest);
        let size = u64::from(reader.u32()?);
        let kind = reader.array()?;
        let (header, size) = match size {
            // The last box of a file may leave its size open.
            0 => (8, rest.len() as u64),
            1 => (16, reader.u64()?),
            size => (8, size),
        };
        if size < header {
            return None;
        }
        let end = usize::try_from(size).unwrap_or(usize::MAX);
        let payload = rest.get(header as usize..end.min(rest.len()))?;
        rest = rest.get(end..).unwrap_or(&[]);
        Some(Box { kind, payload })
    })
}

/// The first box of a type.
pub(crate) fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes)
        .find(|found| found.kind == *kind)
        .map(|found| found.payload)
}

/// Reads big-endian numbers off the front of bytes.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 0, 2, 4 or 8 bytes; none at all is zero.
    pub(crate) fn sized(&mut self, bytes: u8) -> Option<u64> {
        match bytes {
            0 => Some(0),
            2 => self.u16().map(u64::from),
            4 => self.u32().map(u64::from),
            8 => self.u64(),
            _ => None,
        }
    }

    /// A full box's version and flags.
    pub(crate) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0xff_ffff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_have_short_long_and_open_sizes() {
        let mut file = b"\0\0\0\x0aabcdxy".to_vec();
        file.extend(b"\0\0\0\x01efgh\0\0\0\0\0\0\0\x11z");
        file.extend(b"\0\0\0\0ijkl123");
        let found: Vec<_> = boxes(&file)
            .map(|found| (found.kind, found.payload))
            .collect();
        assert_eq!(
            found,
            [(*b"abcd", &b"xy"[..]), (*b"efgh", b"z"), (*b"ijkl", b"123")]
        );
    }

    #[test]
    fn a_box_past_the_end_is_cut_and_an_impossible_one_ends_the_list() {
        let cut: Vec<_> = boxes(b"\0\0\x01\0abcd12").collect();
        assert!(cut.len() == 1 && cut[0].payload == b"12");
        assert_eq!(boxes(b"\0\0\0\x07abcd12").count(), 0);
        assert_eq!(
            boxes(b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff").count(),
            1
        );
    }
}

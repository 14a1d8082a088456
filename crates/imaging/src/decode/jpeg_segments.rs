//! The marker segments of a JPEG file, without decoding any picture.

use crate::{DecodeError, Format};

/// One marker segment, without its marker and length.
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) payload: &'a [u8],
}

/// The segments of a file in order, also those between and behind the scans. It ends at the end
/// of image marker, or in an error when the file ends before that.
pub(crate) struct Segments<'a> {
    rest: &'a [u8],
    done: bool,
}

const END_OF_IMAGE: u8 = 0xd9;

impl<'a> Segments<'a> {
    /// The segments behind the start of image marker.
    pub(crate) fn new(file: &'a [u8]) -> Self {
        Self {
            rest: file.get(2..).unwrap_or(&[]),
            done: false,
        }
    }

    /// The next marker, past fill bytes, entropy-coded data and stray bytes.
    fn marker(&mut self) -> Option<u8> {
        loop {
            let at = memchr::memchr(0xff, self.rest)?;
            let skipped = self.rest[at..]
                .iter()
                .take_while(|&&byte| byte == 0xff)
                .count();
            let &marker = self.rest.get(at + skipped)?;
            self.rest = &self.rest[at + skipped + 1..];
            // A stuffed zero belongs to the data, restarts and TEM have no payload.
            if !matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8) {
                return Some(marker);
            }
        }
    }

    fn payload(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(*self.rest.first_chunk::<2>()?);
        let payload = self.rest.get(2..usize::from(length).max(2))?;
        self.rest = &self.rest[payload.len() + 2..];
        Some(payload)
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let marker = self.marker();
        if marker == Some(END_OF_IMAGE) {
            self.done = true;
            return None;
        }
        let segment = marker.zip(self.payload());
        self.done = segment.is_none();
        Some(
            segment
                .map(|(marker, payload)| Segment { marker, payload })
                .ok_or_else(|| Format::Jpeg.truncated("it ends without an end of image marker")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_before_between_and_behind_scans() {
        let file = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xda\0\x03sdata\xff\0\xff\xd3more\
            \xff\xc4\0\x02\xff\xd9\xff\xe1";
        let segments: Vec<_> = Segments::new(file)
            .map(|segment| segment.map(|s| (s.marker, s.payload.to_vec())).unwrap())
            .collect();
        assert_eq!(
            segments,
            [
                (0xe0, b"ab".to_vec()),
                (0xda, b"s".to_vec()),
                (0xc4, b"".to_vec())
            ]
        );
    }

    #[test]
    fn a_cut_file_ends_in_an_error() {
        for file in [
            &b"\xff\xd8"[..],
            b"\xff\xd8\xff\xe0\0\x04a",
            b"\xff\xd8\xff\xda\0\x02da\xff",
        ] {
            let last = Segments::new(file).last();
            assert!(matches!(last, Some(Err(DecodeError::Truncated { .. }))));
        }
    }
}

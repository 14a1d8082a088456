//! A place in the file, and what libjpeg does where it meets a marker.

use crate::{DecodeError, Format};

const FIRST_FRAME: u8 = 0xc0;
const FIRST_RESTART: u8 = 0xd0;
const LAST_RESTART: u8 = 0xd7;

/// A marker that was met but not taken stays where it is: `at` is then its first byte.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
}

/// What the next byte of entropy-coded data is.
pub(super) enum Coded {
    Byte(u8),
    /// The data ends at a marker.
    Marker,
    /// The file ends.
    End,
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or(&[])
    }

    /// The next byte of entropy-coded data. A stuffed zero belongs to the bytes 0xff before it.
    pub(super) fn coded_byte(&mut self) -> Coded {
        match *self.rest() {
            [] => Coded::End,
            [0xff, ref rest @ ..] => match rest.iter().position(|&byte| byte != 0xff) {
                None => Coded::End,
                Some(more) if rest[more] == 0 => {
                    self.at += more + 2;
                    Coded::Byte(0xff)
                }
                Some(more) => {
                    self.at += more;
                    Coded::Marker
                }
            },
            [byte, ..] => {
                self.at += 1;
                Coded::Byte(byte)
            }
        }
    }

    /// The next marker, past stray bytes, without taking it.
    pub(super) fn find_marker(&mut self) -> Result<u8, DecodeError> {
        loop {
            let rest = self.rest();
            let start = rest.iter().position(|&byte| byte == 0xff);
            let code = start.and_then(|start| {
                let fill = rest[start..].iter().take_while(|&&byte| byte == 0xff);
                let code = start + fill.count();
                rest.get(code).map(|&marker| (code, marker))
            });
            let (code, marker) = code
                .ok_or_else(|| Format::Jpeg.truncated("it ends without an end of image marker"))?;
            if marker != 0 {
                self.at += code - 1;
                return Ok(marker);
            }
            self.at += code + 1;
        }
    }

    /// Moves past the marker that was found.
    pub(super) fn take_marker(&mut self) {
        self.at += 2;
    }

    /// Takes a segment's payload behind its marker; `None` if its length is less than its own size.
    pub(super) fn take_payload(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let cut = || Format::Jpeg.truncated("a marker segment is cut off");
        let length = u16::from_be_bytes(*self.rest().first_chunk::<2>().ok_or_else(cut)?);
        let end = usize::from(length).max(2);
        let payload = self.rest().get(2..end).ok_or_else(cut)?;
        self.at += end;
        Ok((length >= 2).then_some(payload))
    }

    /// Moves to the data behind restart marker `number`, 0 to 7. Where another marker stands
    /// there, libjpeg guesses: a marker that should have come earlier is passed over, at one that
    /// comes a little later (or ends the scan) the interval is empty, any other is ignored.
    /// Returns false for an empty interval.
    pub(super) fn restart(&mut self, number: u8) -> Result<bool, DecodeError> {
        loop {
            let marker = self.find_marker()?;
            let ahead = marker.wrapping_sub(FIRST_RESTART).wrapping_sub(number) & 7;
            match marker {
                ..FIRST_FRAME => self.take_marker(),
                FIRST_RESTART..=LAST_RESTART => match ahead {
                    1 | 2 => return Ok(false),
                    6 | 7 => self.take_marker(),
                    _ => {
                        self.take_marker();
                        return Ok(true);
                    }
                },
                _ => return Ok(false),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(data: &[u8]) -> Cursor<'_> {
        Cursor { data, at: 0 }
    }

    #[test]
    fn markers_are_found_past_stray_bytes_and_fill() {
        let mut cursor = cursor(b"ab\xff\0c\xff\xff\xda\0\x03s\xff");
        assert_eq!(cursor.find_marker(), Ok(0xda));
        assert_eq!(cursor.find_marker(), Ok(0xda));
        cursor.take_marker();
        assert_eq!(cursor.take_payload(), Ok(Some(&b"s"[..])));
        assert!(cursor.find_marker().is_err());
    }

    #[test]
    fn restarts_out_of_order() {
        let restart = |data: &[u8], number| {
            let mut cursor = cursor(data);
            cursor.restart(number).map(|fresh| (fresh, cursor.at))
        };
        assert_eq!(restart(b"\xff\xd1x", 1), Ok((true, 2)));
        // One that comes later, and the end of the scan: nothing is left of this interval.
        assert_eq!(restart(b"\xff\xd3x", 1), Ok((false, 0)));
        assert_eq!(restart(b"xx\xff\xd9", 1), Ok((false, 2)));
        // An earlier one, and no marker at all, are passed over.
        assert_eq!(restart(b"\xff\xd0x\xff\x02y\xff\xd1z", 1), Ok((true, 8)));
        // One that is far away is ignored.
        assert_eq!(restart(b"\xff\xd5x", 1), Ok((true, 2)));
        assert!(restart(b"xxx", 1).is_err());
    }
}

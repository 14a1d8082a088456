//! The places of a scan from which it can be read without what stands before.

use std::ops::Range;

use super::cursor::Cursor;
use super::frame::Frame;
use super::scan::Scan;

const FIRST_RESTART: u8 = 0xd0;
const LAST_RESTART: u8 = 0xd7;

/// Rows of minimum coded units whose data begins behind a restart marker, or at the scan's begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bands: Range<usize>,
    /// Where its data begins.
    pub(super) at: usize,
}

/// Cuts a scan into pieces of some `bands` rows. None where the file has restart markers other than it should have, as then
/// an interval's place depends on what was read before it, or where no rows begin behind markers.
pub(super) fn pieces(
    cursor: &Cursor<'_>,
    frame: &Frame,
    scan: &Scan,
    interval: usize,
    bands: usize,
) -> Option<Vec<Piece>> {
    let units = scan.units(frame);
    let count = (units.wide * units.high).div_ceil(interval.max(1));
    if interval == 0 || count < 2 {
        return None;
    }
    let starts = starts(cursor, count)?;
    let mut pieces: Vec<Piece> = Vec::new();
    for band in 0..frame.mcus_high {
        let before = band * units.rows_per_mcu * units.wide;
        let begun = pieces
            .last()
            .is_some_and(|last| band - last.bands.start < bands);
        if !begun && before.is_multiple_of(interval) {
            let at = *starts.get(before / interval)?;
            pieces.push(Piece {
                bands: band..band,
                at,
            });
        }
        if let Some(last) = pieces.last_mut() {
            last.bands.end = band + 1;
        }
    }
    (pieces.len() > 1).then_some(pieces)
}

/// Where the data of each of `count` intervals begins, if just the markers that should be between them are there.
fn starts(cursor: &Cursor<'_>, count: usize) -> Option<Vec<usize>> {
    let mut starts = vec![cursor.at];
    let data = cursor.data;
    let mut at = cursor.at;
    loop {
        at += memchr::memchr(0xff, data.get(at..)?)? + 1;
        match *data.get(at)? {
            0 => at += 1,
            0xff => {}
            marker @ FIRST_RESTART..=LAST_RESTART => {
                let expected = (starts.len() - 1) % 8;
                if usize::from(marker - FIRST_RESTART) != expected || starts.len() == count {
                    return None;
                }
                at += 1;
                starts.push(at);
            }
            _ => return (starts.len() == count).then_some(starts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(data: &[u8], count: usize) -> Option<Vec<usize>> {
        starts(&Cursor { data, at: 1 }, count)
    }

    #[test]
    fn intervals_begin_behind_their_markers() {
        let data = b"_ab\xff\0c\xff\xd0d\xff\xff\xd1\xff\0\xff\xd9";
        assert_eq!(found(data, 3), Some(vec![1, 8, 12]));
    }

    #[test]
    fn missing_strange_and_additional_markers() {
        let data = b"_a\xff\xd0b\xff\xd1c\xff\xd9";
        assert_eq!(found(data, 2), None);
        assert_eq!(found(data, 4), None);
        assert_eq!(found(b"_a\xff\xd1b\xff\xd9", 2), None);
        assert_eq!(found(b"_a\xff\xd0b", 2), None, "it does not end");
    }
}

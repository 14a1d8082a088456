use std::ops::Range;

use super::cursor::Cursor;
use super::frame::Frame;
use super::scan::{Scan, Units};
use crate::{DecodeError, Format};

/// Whether there was data for what was decoded last.
pub(super) enum Supply {
    Enough,
    /// It ran into a marker: the rest of the interval has no data.
    Exhausted,
    /// It ran into the end of the file.
    Ended,
}

/// A reader of entropy-coded data.
pub(super) trait Entropy<'a> {
    fn supply(&self) -> Supply;
    /// Where markers are looked for: at the data's end, or before it.
    fn cursor(&mut self) -> &mut Cursor<'a>;
    /// Behind what has been read.
    fn into_cursor(self) -> Cursor<'a>;
    /// Forgets everything that was read ahead, as the data starts afresh at the cursor.
    fn start_again(&mut self);
}

/// What a scan does with its blocks. A block is known by the scan's component, its column and row.
pub(super) trait Blocks<E> {
    /// Blocks without data stay as they are.
    const KEEPS: bool;

    fn decode(&mut self, entropy: &mut E, slot: usize, x: usize, y: usize);
    /// All blocks of a row of minimum coded units have been visited.
    fn end_row(&mut self);
    /// The file starts afresh behind a restart marker.
    fn restart(&mut self);
}

/// Visits each block of the rows `bands` of minimum coded units, in the order of the file. Returns the last of them that
/// had data.
#[inline(always)]
pub(super) fn walk<'a, E: Entropy<'a>, B: Blocks<E>>(
    scan: &Scan,
    frame: &Frame,
    restart_interval: usize,
    bands: Range<usize>,
    entropy: &mut E,
    blocks: &mut B,
) -> Result<usize, DecodeError> {
    let Units {
        wide,
        high,
        rows_per_mcu,
    } = scan.units(frame);
    let rows = bands.start * rows_per_mcu..high.min(bands.end * rows_per_mcu);
    let intervals = (rows.start * wide).checked_div(restart_interval);
    let mut number = (intervals.unwrap_or(0) % 8) as u8;
    let mut until_restart = restart_interval;
    let (mut exhausted, mut last_good) = (false, 0);
    for y in rows {
        let mcu_row = y / rows_per_mcu;
        for x in 0..wide {
            if restart_interval > 0 {
                if until_restart == 0 {
                    let fresh = entropy.cursor().restart(number)?;
                    number = (number + 1) % 8;
                    entropy.start_again();
                    blocks.restart();
                    exhausted &= !fresh;
                    until_restart = restart_interval;
                }
                until_restart -= 1;
            }
            if !exhausted {
                last_good = mcu_row;
            } else if B::KEEPS && restart_interval == 0 {
                return Ok(last_good);
            }
            // Blocks without data have no coefficients: grey, as libjpeg has it.
            if exhausted {
                continue;
            }
            if let [_] = &scan.parts[..] {
                blocks.decode(entropy, 0, x, y);
            } else {
                for (slot, part) in scan.parts.iter().enumerate() {
                    let component = &frame.components[part.component];
                    for row in 0..component.down {
                        for column in 0..component.across {
                            let x = x * component.across + column;
                            let y = y * component.down + row;
                            blocks.decode(entropy, slot, x, y);
                        }
                    }
                }
            }
            match entropy.supply() {
                Supply::Enough => {}
                Supply::Exhausted => exhausted = true,
                Supply::Ended => return Err(Format::Jpeg.truncated("a scan ends early")),
            }
        }
        if (y + 1).is_multiple_of(rows_per_mcu) || y + 1 == high {
            blocks.end_row();
        }
    }
    Ok(last_good)
}

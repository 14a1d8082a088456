use super::bits::Bits;
use super::frame::Frame;
use crate::{DecodeError, Format};

/// A scan header.
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// First and last coefficient, in zigzag order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// In a progressive file: this scan refines what an earlier one began.
    pub(super) refines: bool,
    /// In a progressive file: how many low bits are left to later scans.
    pub(super) shift: u32,
}

/// A component in a scan: its place in the frame, and its tables.
pub(super) struct Part {
    pub(super) component: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

impl Scan {
    /// Reads the payload of a start of scan segment.
    pub(super) fn read(payload: &[u8], frame: &Frame) -> Result<Self, DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("its scan header is wrong");
        let (&[count], rest) = payload.split_first_chunk::<1>().ok_or_else(corrupt)?;
        let count = usize::from(count);
        let entries = rest.as_chunks::<2>().0.get(..count).ok_or_else(corrupt)?;
        let &[first, last, bits] = rest
            .get(count * 2..)
            .and_then(<[u8]>::first_chunk)
            .ok_or_else(corrupt)?;
        let mut parts: Vec<Part> = Vec::new();
        for &[id, tables] in entries {
            let place = frame
                .components
                .iter()
                .position(|component| component.id == id);
            let part = Part {
                component: place.ok_or_else(corrupt)?,
                dc: usize::from(tables >> 4),
                ac: usize::from(tables & 15),
            };
            let twice = parts.iter().any(|other| other.component == part.component);
            if twice || part.dc > 3 || part.ac > 3 {
                return Err(corrupt());
            }
            parts.push(part);
        }
        let (high, shift) = (bits >> 4, bits & 15);
        let interleaved = parts.len() > 1;
        let blocks = |part: &Part| {
            let component = &frame.components[part.component];
            component.across * component.down
        };
        let too_many = interleaved && parts.iter().map(blocks).sum::<usize>() > 10;
        let wrong_band = if first == 0 {
            last != 0
        } else {
            interleaved || last < first || last > 63
        };
        let wrong_bits = shift > 13 || (high != 0 && high != shift + 1);
        if parts.is_empty() || too_many || (frame.progressive && (wrong_band || wrong_bits)) {
            return Err(corrupt());
        }
        if !frame.progressive {
            // Sequential files have all coefficients in one scan; some encoders write other numbers.
            return Ok(Self {
                parts,
                first: 0,
                last: 63,
                refines: false,
                shift: 0,
            });
        }
        let (first, last) = (usize::from(first), usize::from(last));
        Ok(Self {
            parts,
            first,
            last,
            refines: high != 0,
            shift: shift.into(),
        })
    }

    /// Calls `visit` with the scan's part and the block's column and row, for each block in the
    /// order of the file, and `restart` where the file starts afresh.
    #[inline(always)]
    pub(super) fn walk<S>(
        &self,
        frame: &Frame,
        data: &[u8],
        restart_interval: usize,
        state: &mut S,
        mut visit: impl FnMut(&mut S, &mut Bits<'_>, usize, usize, usize) -> Result<(), DecodeError>,
        mut restart: impl FnMut(&mut S),
    ) -> Result<(), DecodeError> {
        let mut bits = Bits::new(data);
        let (wide, high) = match &self.parts[..] {
            [part] => {
                let component = &frame.components[part.component];
                (component.blocks_wide, component.blocks_high)
            }
            _ => (frame.mcus_wide, frame.mcus_high),
        };
        let mut until_restart = restart_interval;
        for y in 0..high {
            for x in 0..wide {
                if restart_interval > 0 {
                    if until_restart == 0 {
                        if !bits.restart() {
                            return Err(Format::Jpeg.corrupt("a restart marker is missing"));
                        }
                        restart(state);
                        until_restart = restart_interval;
                    }
                    until_restart -= 1;
                }
                if let [_] = &self.parts[..] {
                    visit(state, &mut bits, 0, x, y)?;
                } else {
                    for (slot, part) in self.parts.iter().enumerate() {
                        let component = &frame.components[part.component];
                        for row in 0..component.down {
                            for column in 0..component.across {
                                let (x, y) =
                                    (x * component.across + column, y * component.down + row);
                                visit(state, &mut bits, slot, x, y)?;
                            }
                        }
                    }
                }
                if bits.overrun() {
                    return Err(Format::Jpeg.truncated("a scan ends early"));
                }
            }
        }
        Ok(())
    }
}

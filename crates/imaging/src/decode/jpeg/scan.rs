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

/// What a restart interval counts: minimum coded units, or the blocks of a component that has a scan of its own.
pub(super) struct Units {
    pub(super) wide: usize,
    pub(super) high: usize,
    /// Rows of them that make a row of the frame's minimum coded units.
    pub(super) rows_per_mcu: usize,
}

impl Scan {
    pub(super) fn units(&self, frame: &Frame) -> Units {
        let (wide, high, rows_per_mcu) = match &self.parts[..] {
            [part] => {
                let component = &frame.components[part.component];
                (component.blocks_wide, component.blocks_high, component.down)
            }
            _ => (frame.mcus_wide, frame.mcus_high, 1),
        };
        Units {
            wide,
            high,
            rows_per_mcu,
        }
    }

    /// Reads the payload of a start of scan segment.
    pub(super) fn read(payload: &[u8], frame: &Frame) -> Result<Self, DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("its scan header is wrong");
        let (&[count], rest) = payload.split_first_chunk::<1>().ok_or_else(corrupt)?;
        let count = usize::from(count);
        let (entries, &[first, last, bits]) = rest.split_last_chunk::<3>().ok_or_else(corrupt)?;
        if entries.len() != count * 2 {
            return Err(corrupt());
        }
        let mut parts: Vec<Part> = Vec::new();
        for (index, &[id, tables]) in entries.as_chunks::<2>().0.iter().enumerate() {
            // Components may share a name; a scan has them in the order of the frame.
            let mut components = frame.components.iter().enumerate().skip(index);
            let place = components
                .find(|(_, component)| component.id == id)
                .map(|(place, _)| place);
            let part = Part {
                component: place.ok_or_else(corrupt)?,
                dc: usize::from(tables >> 4),
                ac: usize::from(tables & 15),
            };
            let twice = parts.iter().any(|other| other.component == part.component);
            if twice {
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
        if parts.is_empty() || too_many || (frame.coding.progressive && (wrong_band || wrong_bits))
        {
            return Err(corrupt());
        }
        if !frame.coding.progressive {
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
}

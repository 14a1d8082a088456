use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode, decode};

use super::compression::{FAX_GROUP_3, FAX_GROUP_4};
use super::layout::Layout;
use crate::{DecodeError, Format};

/// Rows of one bit per pixel, black being 1.
struct Rows<'a> {
    unpacked: &'a mut [u8],
    row_bytes: usize,
    columns: usize,
    filled: usize,
}

impl Decoder for Rows<'_> {
    fn push_row(&mut self, changes: &[u32]) {
        let end = self.filled + self.row_bytes;
        let Some(row) = self.unpacked.get_mut(self.filled..end) else {
            return;
        };
        for run in changes.chunks(2) {
            let first = (run[0] as usize).min(self.columns);
            let last = run
                .get(1)
                .map_or(self.columns, |&last| (last as usize).min(self.columns));
            blacken(row, first, last);
        }
        self.filled = end;
    }
}

/// Sets the bits `first..last`.
fn blacken(row: &mut [u8], first: usize, last: usize) {
    if first >= last {
        return;
    }
    let (head, tail) = (
        0xff >> (first % 8),
        !(0xff_u8.checked_shr((last % 8) as u32).unwrap_or(0)),
    );
    let (start, end) = (first / 8, last / 8);
    if start == end {
        row[start] |= head & tail;
        return;
    }
    row[start] |= head;
    row[start + 1..end].fill(0xff);
    if let Some(byte) = row.get_mut(end) {
        *byte |= tail;
    }
}

/// Decodes CCITT fax data; returns how many bytes that fills.
pub(super) fn fill(
    data: &[u8],
    layout: &Layout,
    rows: usize,
    unpacked: &mut [u8],
) -> Result<usize, DecodeError> {
    if layout.bits != 1 || layout.samples != 1 {
        return Err(Format::Tiff.corrupt("fax data of more than one bit per pixel"));
    }
    let marked = layout.compression == FAX_GROUP_3;
    let encoding = match layout.compression {
        FAX_GROUP_4 => EncodingMode::Group4,
        FAX_GROUP_3 if layout.fax_options & 1 != 0 => EncodingMode::Group3_2D,
        _ => EncodingMode::Group3_1D,
    };
    let mut context = DecoderContext::new(DecodeSettings {
        columns: layout.chunk_width as u32,
        rows: rows as u32,
        end_of_block: layout.compression == FAX_GROUP_4 || marked,
        end_of_line: marked,
        // Rows that are aligned with T.4's marks have fill bits in front of the mark.
        rows_are_byte_aligned: !marked && layout.compression != FAX_GROUP_4,
        encoding,
        // Damaged rows would come out otherwise than from libtiff.
        strict: true,
    });
    let mut target = Rows {
        row_bytes: layout.row_bytes(),
        columns: layout.chunk_width,
        unpacked,
        filled: 0,
    };
    let decoded = decode(data, &mut target, &mut context);
    match decoded {
        Err(error) if target.filled < target.unpacked.len() => {
            Err(Format::Tiff.corrupt(error.to_string()))
        }
        _ => Ok(target.filled),
    }
}

#[cfg(test)]
mod tests {
    use super::blacken;

    #[test]
    fn runs_within_and_across_bytes() {
        let row = |first, last| {
            let mut row = [0; 3];
            blacken(&mut row, first, last);
            row
        };
        assert_eq!(row(2, 5), [0b0011_1000, 0, 0]);
        assert_eq!(row(6, 19), [0b11, 0xff, 0b1110_0000]);
        assert_eq!(row(8, 24), [0, 0xff, 0xff]);
        assert_eq!(row(5, 5), [0, 0, 0]);
    }
}

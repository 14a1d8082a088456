use super::layout::Layout;

/// Each sample was stored as its difference to the same sample of the pixel before.
pub(super) fn undo_differences(rows: &mut [u8], layout: &Layout) {
    let size = usize::from(layout.bits) / 8;
    let distance = layout.adjacent_samples() * size;
    for row in rows.chunks_exact_mut(layout.row_bytes()) {
        for at in (distance..row.len()).step_by(size) {
            if size == 1 {
                row[at] = row[at].wrapping_add(row[at - distance]);
            } else {
                let sum = load(row, at - distance, layout).wrapping_add(load(row, at, layout));
                store(row, at, sum, layout);
            }
        }
    }
}

fn load(row: &[u8], at: usize, layout: &Layout) -> u32 {
    let bytes = &row[at..at + usize::from(layout.bits) / 8];
    let append = |value: u32, &byte: &u8| value << 8 | u32::from(byte);
    if layout.big_endian {
        bytes.iter().fold(0, append)
    } else {
        bytes.iter().rev().fold(0, append)
    }
}

fn store(row: &mut [u8], at: usize, value: u32, layout: &Layout) {
    let size = usize::from(layout.bits) / 8;
    for (index, byte) in row[at..at + size].iter_mut().enumerate() {
        let shift = if layout.big_endian {
            size - 1 - index
        } else {
            index
        } * 8;
        *byte = (value >> shift) as u8;
    }
}

/// Floating-point numbers were stored row by row as all their first bytes, then all second ones,
/// and so on, most significant ones first; then each byte as its difference to the one before.
pub(super) fn undo_float_differences(rows: &mut [u8], layout: &Layout) {
    let size = usize::from(layout.bits) / 8;
    let distance = layout.adjacent_samples();
    let mut bytes = Vec::new();
    for row in rows.chunks_exact_mut(layout.row_bytes()) {
        for at in distance..row.len() {
            row[at] = row[at].wrapping_add(row[at - distance]);
        }
        bytes.clear();
        bytes.extend_from_slice(row);
        let numbers = row.len() / size;
        for (index, number) in row.chunks_exact_mut(size).enumerate() {
            for (place, byte) in number.iter_mut().enumerate() {
                let plane = if layout.big_endian {
                    place
                } else {
                    size - 1 - place
                };
                *byte = bytes[plane * numbers + index];
            }
        }
    }
}

//! The Huffman tables of the specification's section K.3.

use super::huffman::Definition;
use super::tables::Tables;

/// How many codes have each length, for luminance and chrominance.
const DC_COUNTS: [[u8; 16]; 2] = [
    [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
    [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
];
const AC_COUNTS: [[u8; 16]; 2] = [
    [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
    [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
];

/// The symbols with the shorter codes. Behind them come all others in their order.
const LUMINANCE: [u8; 37] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82,
];
const CHROMINANCE: [u8; 43] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1,
];

/// Cameras that send a stream of pictures leave out these tables, and mean them.
pub(super) fn assume(tables: &mut Tables) {
    for (place, counts) in tables.dc.iter_mut().zip(DC_COUNTS) {
        place.get_or_insert_with(|| Definition {
            counts,
            symbols: (0..12).collect(),
        });
    }
    let first: [&[u8]; 2] = [&LUMINANCE, &CHROMINANCE];
    for ((place, counts), first) in tables.ac.iter_mut().zip(AC_COUNTS).zip(first) {
        place.get_or_insert_with(|| Definition {
            counts,
            symbols: symbols(first),
        });
    }
}

/// Each run of up to 15 zeros with each size of up to ten bits, the end of block and 16 zeros.
fn symbols(first: &[u8]) -> Vec<u8> {
    let all = (0..16).flat_map(|zeros| (1..=10).map(move |size| zeros << 4 | size));
    let others = all.filter(|symbol| !first.contains(symbol));
    first.iter().copied().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_symbol_has_a_code_and_what_the_file_defines_stays() {
        let mut tables = Tables::default();
        let counts = [0; 16];
        tables.dc[1] = Some(Definition {
            counts,
            symbols: Vec::new(),
        });
        assume(&mut tables);
        for (table, length) in [
            (&tables.dc[0], 12),
            (&tables.ac[0], 162),
            (&tables.ac[1], 162),
        ] {
            let table = table.as_ref().unwrap();
            assert_eq!(table.symbols.len(), length);
            let codes: usize = table.counts.iter().map(|&count| usize::from(count)).sum();
            assert_eq!(codes, length);
        }
        assert!(tables.dc[1].as_ref().unwrap().symbols.is_empty());
        assert!(tables.dc[2].is_none());
    }
}

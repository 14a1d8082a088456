//! Area resampling against plain loops, bit for bit, on every instruction set of this processor.

use crate::reference::Numbers;
use kernels::{AreaResample, Isa, Normalise, Region};

const NORMALISE: Normalise = Normalise {
    offset: 127.5,
    scale: 0.007_812_5,
};

fn plain(pixels: &[u8], width: usize, region: &Region, size: (usize, usize)) -> Vec<f32> {
    let mut output = Vec::new();
    let (height_in, width_in) = (region.y.len(), region.x.len());
    for y in 0..size.0 {
        let rows = y * height_in / size.0..((y + 1) * height_in).div_ceil(size.0);
        for x in 0..size.1 {
            let columns = x * width_in / size.1..((x + 1) * width_in).div_ceil(size.1);
            for channel in 0..3 {
                let mut sum = 0_u64;
                for row in rows.clone() {
                    for column in columns.clone() {
                        let at = (region.y.start + row) * width + region.x.start + column;
                        sum += u64::from(pixels[at * 3 + channel]);
                    }
                }
                let mean = sum as f32 / rows.len() as f32 / columns.len() as f32;
                output.push((mean - NORMALISE.offset) * NORMALISE.scale);
            }
        }
    }
    output
}

#[test]
fn matches_plain_loops() {
    let shapes = [
        // (height, width), region rows, region columns, size
        ((37, 53), 0..37, 0..53, (23, 32)),
        ((37, 53), 3..30, 11..12, (24, 24)),
        ((1, 1), 0..1, 0..1, (5, 3)),
        ((40, 40), 7..31, 9..33, (24, 24)),
        ((9, 300), 0..9, 0..300, (1, 7)),
        ((600, 5), 0..600, 0..5, (2, 2)), // more rows under one pixel than 16 bits hold
        ((257, 2), 0..257, 0..2, (1, 1)),
        ((10, 10), 9..10, 9..10, (48, 48)),
    ];
    for ((height, width), y, x, size) in shapes {
        let mut numbers = Numbers::new(1);
        // Mostly white, so that sums run as high as they can.
        let pixels: Vec<u8> = (0..height * width * 3)
            .map(|_| 255 - (numbers.bits() % 4) as u8)
            .collect();
        let region = Region { x, y };
        let expected = plain(&pixels, width, &region, size);
        for isa in Isa::available() {
            let resample = AreaResample::new(isa, &pixels, width, region.clone(), size, NORMALISE);
            let mut got = Vec::new();
            resample.rows(0..size.0, &mut got);
            assert_eq!(got, expected, "{isa:?} {region:?} {size:?}");
            // A strip is the same rows.
            let mut strip = Vec::new();
            resample.rows(size.0 / 2..size.0, &mut strip);
            assert_eq!(strip, expected[size.0 / 2 * size.1 * 3..]);
        }
    }
}

#[test]
fn no_rows_are_no_values() {
    let pixels = [0; 12];
    let region = Region { x: 0..2, y: 0..2 };
    let mut output = Vec::new();
    AreaResample::new(Isa::detect(), &pixels, 2, region, (4, 4), NORMALISE).rows(2..2, &mut output);
    assert!(output.is_empty());
}

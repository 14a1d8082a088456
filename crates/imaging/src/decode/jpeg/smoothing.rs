//! A progressive picture whose last scans are missing: libjpeg estimates the first coefficients of
//! each block from the means of the blocks around it.

use super::blocks::Coefficients;
use super::frame::{Component, Frame};
use super::scan::Scan;
use super::tables::ZIGZAG;

/// How many coefficients are estimated, the mean among them.
const ESTIMATED: usize = 10;

type Weights = [[i32; 5]; 5];

/// What each mean of the 5x5 blocks around counts for a coefficient, in zigzag order, in 256ths.
/// As long as only means are known, also the mean itself is smoothed.
#[rustfmt::skip]
const FROM_MEANS_ALONE: [Weights; ESTIMATED] = [
    [[-2, -6, -8, -6, -2], [-6, 6, 42, 6, -6], [-8, 42, 152, 42, -8], [-6, 6, 42, 6, -6], [-2, -6, -8, -6, -2]],
    [[-1, -1, 0, 1, 1], [-3, 13, 0, -13, 3], [-3, 38, 0, -38, 3], [-3, 13, 0, -13, 3], [-1, -1, 0, 1, 1]],
    [[-1, -3, -3, -3, -1], [-1, 13, 38, 13, -1], [0; 5], [1, -13, -38, -13, 1], [1, 3, 3, 3, 1]],
    [[0, 0, 1, 0, 0], [0, 2, 7, 2, 0], [0, -5, -14, -5, 0], [0, 2, 7, 2, 0], [0, 0, 1, 0, 0]],
    [[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], [0; 5], [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]],
    [[0; 5], [0, 2, -5, 2, 0], [1, 7, -14, 7, 1], [0, 2, -5, 2, 0], [0; 5]],
    [[0; 5], [0, 1, 0, -1, 0], [0, 2, 0, -2, 0], [0, 1, 0, -1, 0], [0; 5]],
    [[0; 5], [0, 1, -3, 1, 0], [0; 5], [0, -1, 3, -1, 0], [0; 5]],
    [[0; 5], [0, 1, 0, -1, 0], [0, -3, 0, 3, 0], [0, 1, 0, -1, 0], [0; 5]],
    [[0; 5], [0, 1, 2, 1, 0], [0; 5], [0, -1, -2, -1, 0], [0; 5]],
];
#[rustfmt::skip]
const BESIDE_OTHERS: [Weights; 6] = [
    [[0; 5]; 5],
    [[0; 5], [0; 5], [-7, 50, 0, -50, 7], [0; 5], [0; 5]],
    [[0, 0, -7, 0, 0], [0, 0, 50, 0, 0], [0; 5], [0, 0, -50, 0, 0], [0, 0, 7, 0, 0]],
    [[0, 0, -1, 0, 0], [0, 0, 13, 0, 0], [0, 0, -24, 0, 0], [0, 0, 13, 0, 0], [0, 0, -1, 0, 0]],
    [[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], [0; 5], [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]],
    [[0; 5], [0; 5], [-1, 13, -24, 13, -1], [0; 5], [0; 5]],
];

/// Which bits of the coefficients the scans have brought so far.
pub(super) struct Progression {
    /// By component and coefficient: how many low bits are missing, -1 for all.
    missing: [[i32; 64]; 4],
    /// The same before the component's last scan.
    before: [[i32; ESTIMATED]; 4],
    scans: usize,
    /// The last row of minimum coded units for which the last scan had data.
    pub(super) last_good: usize,
}

impl Progression {
    pub(super) fn new() -> Self {
        Self {
            missing: [[-1; 64]; 4],
            before: [[-1; ESTIMATED]; 4],
            scans: 0,
            last_good: 0,
        }
    }

    pub(super) fn begin(&mut self, scan: &Scan) {
        self.scans += 1;
        for part in &scan.parts {
            let missing = &mut self.missing[part.component];
            let before = &mut self.before[part.component];
            for at in scan.first.min(1)..ESTIMATED {
                before[at] = if self.scans > 1 { missing[at] } else { 0 };
            }
            missing[scan.first..=scan.last].fill(scan.shift as i32);
        }
    }

    /// Whether libjpeg smooths the picture.
    pub(super) fn wants_smoothing(&self, quantization: &[Option<[i32; 64]>]) -> bool {
        let components = || self.missing.iter().zip(quantization);
        let places = || ZIGZAG[..ESTIMATED].iter().map(|&place| usize::from(place));
        components().all(|(missing, factors)| {
            let estimable = |factors: &[i32; 64]| places().all(|place| factors[place] != 0);
            missing[0] >= 0 && factors.as_ref().is_some_and(estimable)
        }) && components().any(|(missing, _)| missing[1..ESTIMATED].iter().any(|&bits| bits != 0))
    }
}

/// A component's coefficients in row `band` of minimum coded units, with those that are unknown estimated.
pub(super) fn estimate_band(
    progression: &Progression,
    frame: &Frame,
    index: usize,
    coefficients: &Coefficients,
    factors: &[i32; 64],
    band: usize,
) -> Vec<[i16; 64]> {
    let component = &frame.components[index];
    let mut blocks = coefficients.band(component, band).to_vec();
    let missing: &[i32] = match band > progression.last_good {
        true if progression.scans == 1 => &[-1; ESTIMATED],
        true => &progression.before[index],
        false => &progression.missing[index],
    };
    let rows = band * component.down..component.blocks_high.min((band + 1) * component.down);
    for (y, blocks) in rows.zip(blocks.chunks_exact_mut(coefficients.wide)) {
        let rows = rows_around(component, frame.mcus_high, y);
        for (x, block) in blocks[..component.blocks_wide].iter_mut().enumerate() {
            let last = component.blocks_wide - 1;
            let columns = [x.saturating_sub(2), x.saturating_sub(1), x, x + 1, x + 2];
            let means = rows.map(|row| {
                let row = &coefficients.blocks[row * coefficients.wide..];
                columns.map(|column| i64::from(row[column.min(last)][0]))
            });
            estimate(&means, missing, factors, block);
        }
    }
    blocks
}

/// The rows of blocks around row `y`, two above to two below. At the end of the picture libjpeg
/// counts by the rows that the last row of minimum coded units has.
fn rows_around(component: &Component, mcus_high: usize, y: usize) -> [usize; 5] {
    let (mcu_row, within) = (y / component.down, y % component.down);
    let rows = match component.blocks_high % component.down {
        rest if rest > 0 && mcu_row + 1 == mcus_high => rest,
        _ => component.down,
    };
    let (at, end) = (mcu_row * rows + within, mcus_high * rows);
    let above = if at > 0 { y - 1 } else { y };
    let below = if at + 1 < end { y + 1 } else { y };
    let above_that = if at > 1 { y - 2 } else { above };
    let below_that = if at + 2 < end { y + 2 } else { below };
    [above_that, above, y, below, below_that]
}

fn estimate(means: &[[i64; 5]; 5], missing: &[i32], factors: &[i32; 64], block: &mut [i16; 64]) {
    let alone = missing[1..ESTIMATED].iter().all(|&bits| bits == -1);
    let kernels: &[Weights] = if alone {
        &FROM_MEANS_ALONE
    } else {
        &BESIDE_OTHERS
    };
    for (at, weights) in kernels.iter().enumerate() {
        let place = usize::from(ZIGZAG[at]);
        let wanted = if at == 0 {
            alone
        } else {
            missing[at] != 0 && block[place] == 0
        };
        if !wanted {
            continue;
        }
        let products = weights.iter().flatten().zip(means.iter().flatten());
        let sum: i64 = products
            .map(|(&weight, mean)| i64::from(weight) * mean)
            .sum();
        let (sum, factor) = (sum * i64::from(factors[0]), i64::from(factors[place]));
        let mut size = ((factor << 7) + sum.abs()) / (factor << 8);
        if at > 0 && missing[at] > 0 {
            // No more than the bits that are missing can hold.
            size = size.min((1 << missing[at]) - 1);
        }
        block[place] = (if sum < 0 { -size } else { size }) as i16;
    }
}

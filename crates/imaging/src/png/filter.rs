//! A row of samples as the differences to what its neighbours let expect.

use std::mem;

use fearless_simd::{Level, Select, Simd, SimdBase, SimdInt, SimdIntWiden, SimdMask, dispatch};

/// Bytes of a pixel.
const PIXEL: usize = 3;
/// Bytes of the largest vector.
const LANES: usize = 64;

/// Chooses a filter for each row, and applies it.
pub(super) struct Filters {
    level: Level,
    stride: usize,
    /// The row and the one above, with a black pixel in front, and black behind up to whole [`LANES`].
    row: Vec<u8>,
    above: Vec<u8>,
}

impl Filters {
    /// For rows of `stride` bytes, the first of which lies below `above` or nothing.
    pub(super) fn new(level: Level, stride: usize, above: Option<&[u8]>) -> Self {
        let black = vec![0; PIXEL + stride.next_multiple_of(LANES)];
        let mut filters = Self {
            level,
            stride,
            row: black.clone(),
            above: black,
        };
        if let Some(above) = above {
            filters.above[PIXEL..][..stride].copy_from_slice(above);
        }
        filters
    }

    /// Adds the next row to `out`: the number of the filter that leaves the least, and what it leaves.
    pub(super) fn write(&mut self, row: &[u8], out: &mut Vec<u8>) {
        self.row[PIXEL..][..self.stride].copy_from_slice(row);
        let end = out.len() + 1 + self.stride;
        dispatch!(self.level, simd => write_row(simd, &self.row, &self.above, out));
        out.truncate(end);
        mem::swap(&mut self.row, &mut self.above);
    }
}

/// Adds the row and what follows it up to whole [`LANES`] to `out`.
#[inline(always)]
fn write_row<S: Simd>(simd: S, row: &[u8], above: &[u8], out: &mut Vec<u8>) {
    let samples = || {
        let [row, left] = [&row[PIXEL..], row].map(|row| row.chunks_exact(S::u8s::LEN));
        let [above, corner] = [&above[PIXEL..], above].map(|row| row.chunks_exact(S::u8s::LEN));
        let vector = move |bytes| S::u8s::from_slice(simd, bytes);
        row.zip(left)
            .zip(above.zip(corner))
            .map(move |((row, left), (above, corner))| [row, left, above, corner].map(vector))
    };

    // The sums of what is left, each as a number with a sign and without regard to it: a guess at how well it compresses.
    let mut totals = [0; 5];
    let mut vectors = samples();
    let none = S::u16s::splat(simd, 0);
    while vectors.len() > 0 {
        let mut sums = [none; 5];
        // So many sums of two samples fit into 16 bits.
        for samples in vectors.by_ref().take(255) {
            for (sum, left) in sums.iter_mut().zip(left_over::<S>(samples)) {
                let negative = S::u8s::splat(simd, 0) - left;
                *sum += left.min(negative).pairwise_widening_add();
            }
        }
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total += u64::from(sum.pairwise_widening_add().reduce_sum());
        }
    }
    let filter = (0..totals.len()).min_by_key(|filter| totals[*filter]);
    let filter = filter.unwrap_or_default();
    out.push(filter as u8);
    match filter {
        0 => write_as::<S, 0>(samples(), out),
        1 => write_as::<S, 1>(samples(), out),
        2 => write_as::<S, 2>(samples(), out),
        3 => write_as::<S, 3>(samples(), out),
        _ => write_as::<S, 4>(samples(), out),
    }
}

#[inline(always)]
fn write_as<S: Simd, const FILTER: usize>(
    samples: impl Iterator<Item = [S::u8s; 4]>,
    out: &mut Vec<u8>,
) {
    for samples in samples {
        out.extend_from_slice(left_over::<S>(samples)[FILTER].as_slice());
    }
}

/// What each filter, by its number, leaves of samples, which come with those to the left, above, and above to the left.
#[inline(always)]
fn left_over<S: Simd>([row, left, above, corner]: [S::u8s; 4]) -> [S::u8s; 5] {
    // Without leaving 8 bits: what both have, and half of what one has.
    let average = (left & above) + ((left ^ above) >> 1);
    [
        row,
        row - left,
        row - above,
        row - average,
        row - paeth::<S>(left, above, corner),
    ]
}

/// Whichever of the three is nearest to `left + above - corner`; of those that are as near, the first.
#[inline(always)]
fn paeth<S: Simd>(left: S::u8s, above: S::u8s, corner: S::u8s) -> S::u8s {
    let difference = |a: S::u8s, b: S::u8s| a.max(b) - a.min(b);
    // The distances, without leaving 8 bits: the corner's is the sum of the others, or their difference.
    let of_left = difference(above, corner);
    let of_above = difference(left, corner);
    let same_side = above.simd_ge(corner).simd_eq(left.simd_ge(corner));
    let of_corner = same_side.select(
        of_left.saturating_add(of_above),
        difference(of_left, of_above),
    );
    let other = of_above.simd_le(of_corner).select(above, corner);
    of_left.simd_le(of_above.min(of_corner)).select(left, other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::levels::levels;

    /// The specification's words for it.
    fn paeth_as_specified(left: u8, above: u8, corner: u8) -> u8 {
        let estimate = i32::from(left) + i32::from(above) - i32::from(corner);
        let distance = |of: u8| (estimate - i32::from(of)).abs();
        if distance(left) <= distance(above) && distance(left) <= distance(corner) {
            left
        } else if distance(above) <= distance(corner) {
            above
        } else {
            corner
        }
    }

    #[test]
    fn paeth_is_that_of_the_specification() {
        #[inline(always)]
        fn check<S: Simd>(simd: S) {
            for (left, above) in
                (0..=255).flat_map(|left| (0..=255).map(move |above| (left, above)))
            {
                for first in (0..256).step_by(S::u8s::LEN) {
                    let corner = |lane: usize| (first + lane) as u8;
                    let [left_lanes, above_lanes] =
                        [left, above].map(|sample| S::u8s::splat(simd, sample));
                    let nearest =
                        paeth::<S>(left_lanes, above_lanes, S::u8s::from_fn(simd, corner));
                    for (lane, nearest) in nearest.as_slice().iter().enumerate() {
                        assert_eq!(*nearest, paeth_as_specified(left, above, corner(lane)));
                    }
                }
            }
        }
        for level in levels() {
            dispatch!(level, simd => check(simd));
        }
    }

    #[test]
    fn what_is_left_undoes_into_the_row() {
        let stride = 3 * 70;
        // The last rows are good for each filter in turn.
        let sample = |x: usize, y: usize| match y {
            0..6 => (x * x / 7 % 251 + 9 * y) as u8,
            6 => (x % 3 * 80 + x / 9) as u8,
            7 => (x * x * x % 255) as u8,
            8 => (x * x * x % 255 + 1) as u8,
            _ => 0,
        };
        let rows: Vec<Vec<u8>> = (0..10)
            .map(|y| (0..stride).map(|x| sample(x, y)).collect())
            .collect();
        for level in levels() {
            let mut filters = Filters::new(level, stride, Some(&rows[0]));
            let mut out = Vec::new();
            rows[1..]
                .iter()
                .for_each(|row| filters.write(row, &mut out));
            assert_eq!(out.len(), 9 * (1 + stride));
            let mut chosen = [false; 5];
            for (at, written) in out.chunks_exact(1 + stride).enumerate() {
                let (above, row) = (&rows[at], &rows[at + 1]);
                let left_over = |filter: u8, x: usize| {
                    let before = |row: &[u8]| x.checked_sub(PIXEL).map_or(0, |x| row[x]);
                    let (left, up, corner) = (before(row), above[x], before(above));
                    row[x].wrapping_sub(match filter {
                        0 => 0,
                        1 => left,
                        2 => up,
                        3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
                        _ => paeth_as_specified(left, up, corner),
                    })
                };
                chosen[usize::from(written[0])] = true;
                for x in 0..stride {
                    assert_eq!(written[1 + x], left_over(written[0], x), "{level:?}");
                }
            }
            assert!(
                chosen.iter().filter(|chosen| **chosen).count() > 3,
                "{chosen:?}"
            );
        }
    }
}

//! The passes against plain loops over the same weights, which `every_resize_equals_pillow` holds against Pillow.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use proptest::sample::select;

use super::super::coefficients::{HALF, PRECISION_BITS};
use super::*;
use crate::Workers;
use crate::levels::levels;

const FILTERS: [Filter; 4] = [
    Filter::Box,
    Filter::Bilinear,
    Filter::Bicubic,
    Filter::Lanczos,
];

/// Samples of a picture, `[height][width][3]`.
type Rows = Vec<Vec<[u8; 3]>>;

fn rows(image: &RgbImage) -> Rows {
    let row = |y| image.row(y).as_chunks::<3>().0.to_vec();
    (0..image.height()).map(row).collect()
}

/// Scales the width; the height is that of the turned picture.
fn plain_pass(source: &Rows, width: usize, filter: Filter) -> Rows {
    let from = source[0].len();
    if from == width {
        return source.clone();
    }
    let coefficients = Coefficients::new(from, width, 0..width, filter);
    let blend = |row: &Vec<[u8; 3]>, (first, weights): (usize, &[i32])| {
        std::array::from_fn(|channel| {
            let taps = row[first..].iter().zip(weights);
            let sum: i32 = taps
                .map(|(pixel, weight)| i32::from(pixel[channel]) * weight)
                .sum();
            ((sum + HALF) >> PRECISION_BITS).clamp(0, 255) as u8
        })
    };
    let scale = |row| coefficients.iter().map(|tap| blend(row, tap)).collect();
    source.iter().map(scale).collect()
}

fn turned(rows: &Rows) -> Rows {
    (0..rows[0].len())
        .map(|x| rows.iter().map(|row| row[x]).collect())
        .collect()
}

fn plain(image: &RgbImage, [width, height]: [u64; 2], window: Window, filter: Filter) -> Rows {
    let (width, height) = (width as usize, height as usize);
    let down = |rows: &Rows| turned(&plain_pass(&turned(rows), height, filter));
    let across = |rows: &Rows| plain_pass(rows, width, filter);
    let lost = |from: u32, to: usize| i64::from(from) - to as i64;
    let (columns, lines) = (lost(image.width(), width), lost(image.height(), height));
    let whole = if lines > 0 && lines > 2 * columns {
        across(&down(&rows(image)))
    } else {
        down(&across(&rows(image)))
    };
    let (left, top) = (window.left as usize, window.top as usize);
    whole[top..top + window.height as usize]
        .iter()
        .map(|row| row[left..left + window.width as usize].to_vec())
        .collect()
}

/// Noise, whose extremes make sums that leave 8 bits.
fn noise(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut state = seed | 1;
    let pixels = (0..width * height * 3).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        match state >> 62 {
            0 => 0,
            1 => 255,
            _ => (state >> 40) as u8,
        }
    });
    RgbImage::from_raw(width, height, pixels.collect()).unwrap()
}

fn helped<T: Send>(workers: &Arc<Workers>, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let helped = scope.spawn(|| {
            workers.help_this_thread();
            work()
        });
        helped.join().unwrap()
    })
}

/// Whether digits hold a weight is decided by its size alone, and the largest weights are those of few pixels.
#[test]
fn every_weight_fits_into_its_digits() {
    for filter in FILTERS {
        for source in 1..40 {
            for target in (1..40).chain([1000, 65_535]) {
                let coefficients = Coefficients::new(source, target, 0..target, filter);
                for (_, weights) in coefficients.iter() {
                    let most = weights.iter().map(|weight| weight.unsigned_abs()).max();
                    assert!(
                        most < Some(3 << (PRECISION_BITS - 1)),
                        "{filter:?} {source} {target}"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_kind_of_instructions_gives_the_same(
        from in (1_u32..90, 1_u32..90),
        to in (1_u32..70, 1_u32..70),
        same in any::<[bool; 2]>(),
        corner in (0_u32..70, 0_u32..70),
        size in (1_u32..70, 1_u32..70),
        filter in select(&FILTERS[..]),
        seed in any::<u64>(),
        piece in 1_usize..4,
    ) {
        let to = (if same[0] { from.0 } else { to.0 }, if same[1] { from.1 } else { to.1 });
        let (left, top) = (corner.0 % to.0, corner.1 % to.1);
        let (width, height) = (size.0.min(to.0 - left), size.1.min(to.1 - top));
        let window = Window { left: left.into(), top: top.into(), width, height };
        let to = [to.0.into(), to.1.into()];
        let image = noise(from.0, from.1, seed);
        let expected = plain(&image, to, window, filter);
        for level in levels() {
            let mut resizer = Resizer::at(level, [from.0, from.1], to, window, filter).unwrap();
            resizer.piece = piece;
            prop_assert!(rows(&resizer.scale(&image).unwrap()) == expected, "{level:?}");
        }
    }
}

/// Large enough that a row is packed in several pieces and weights fill several quads.
#[test]
fn large_pictures_are_the_same_on_any_number_of_threads() {
    let workers = [1, 2, 3, 8].map(|threads| {
        let threads = NonZeroUsize::new(threads).unwrap();
        Workers::new(threads).unwrap()
    });
    for (from, to, filter) in [
        ([1500, 700], [31, 23], Filter::Lanczos),
        ([1100, 1000], [298, 224], Filter::Bicubic),
        // Down first.
        ([600, 1800], [224, 224], Filter::Bicubic),
        ([600, 1800], [224, 600], Filter::Bilinear),
        ([1400, 760], [1400, 300], Filter::Box),
        ([1400, 760], [333, 760], Filter::Bicubic),
        ([1400, 760], [1400, 760], Filter::Bicubic),
    ] {
        let image = noise(from[0], from[1], 7);
        let window = Window {
            left: to[0] / 8,
            top: 1,
            width: to[0] as u32 / 4 * 3,
            height: to[1] as u32 - 1,
        };
        let expected = plain(&image, to, window, filter);
        for level in levels() {
            let mut resizer = Resizer::at(level, from, to, window, filter).unwrap();
            resizer.piece = 1;
            for workers in &workers {
                let scaled = helped(workers, || resizer.scale(&image).unwrap());
                assert!(rows(&scaled) == expected, "{from:?} {to:?} {level:?}");
            }
        }
    }
}

#[test]
fn strips_may_come_in_any_order() {
    let (image, to) = (noise(100, 90, 3), [40, 50]);
    let window = Window {
        left: 3,
        top: 20,
        width: 30,
        height: 7,
    };
    let resizer = Resizer::new([100, 90], to, window, Filter::Bicubic).unwrap();
    let mut buffer = resizer.buffer().unwrap();
    let strips = resizer.strips();
    let places = buffer.chunks_exact_mut(resizer.strip_quads());
    for (strip, place) in strips.zip(places).collect::<Vec<_>>().into_iter().rev() {
        let rows = resizer.strip_rows(strip);
        let rows = &image.pixels()[rows.start * 300..rows.end * 300];
        resizer.strip(rows, place);
    }
    assert!(rows(&resizer.finish(&buffer).unwrap()) == plain(&image, to, window, Filter::Bicubic));
}

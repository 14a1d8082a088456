//! `resize` against the CRC-32 of what Pillow's `Image.resize` gives, see `parity/imaging_goldens.py`.

use std::collections::HashMap;

use flate2::Crc;
use imaging::{Filter, ResizeError, RgbImage, Window, resize, resize_window};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;

mod ppm;

const FILTERS: [Filter; 4] = [
    Filter::Box,
    Filter::Bilinear,
    Filter::Bicubic,
    Filter::Lanczos,
];

/// The pattern that the generator draws by the same formula: noise, and runs of black and white.
fn pattern(width: u32, height: u32) -> RgbImage {
    let sample = |index: u64| {
        let mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        match index / 97 % 5 {
            0 => 0,
            1 => 255,
            _ => (mixed >> 56) as u8,
        }
    };
    let samples = u64::from(width) * u64::from(height) * 3;
    RgbImage::from_raw(width, height, (0..samples).map(sample).collect()).unwrap()
}

#[test]
fn every_resize_equals_pillow() {
    let table = include_str!("data/resize/table.txt");
    let mut sources = HashMap::new();
    sources.insert(
        "photograph",
        ppm::read(include_bytes!("data/resize/photograph.ppm")),
    );
    let mut failures = Vec::new();
    for line in table.lines() {
        let [name, width, height, filter, expected] = line
            .split(' ')
            .collect::<Vec<_>>()
            .try_into()
            .expect("five columns");
        let source = sources.entry(name).or_insert_with(|| {
            let size = name
                .strip_prefix("pattern-")
                .unwrap()
                .split_once('x')
                .unwrap();
            pattern(size.0.parse().unwrap(), size.1.parse().unwrap())
        });
        let filter = match filter {
            "box" => Filter::Box,
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            other => panic!("filter {other}"),
        };
        let ours = resize(
            source,
            width.parse().unwrap(),
            height.parse().unwrap(),
            filter,
        )
        .unwrap();
        let mut crc = Crc::new();
        crc.update(ours.pixels());
        if format!("{:08x}", crc.sum()) != expected {
            failures.push(line);
        }
    }
    let count = table.lines().count();
    assert!(count > 400, "only {count} lines");
    assert!(
        failures.is_empty(),
        "{} of {count} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn no_pixels_is_an_error() {
    let empty = RgbImage::from_raw(0, 4, vec![]).unwrap();
    for (image, width, height) in [
        (&pattern(3, 3), 0, 1),
        (&pattern(3, 3), 1, 0),
        (&empty, 1, 1),
    ] {
        let error = resize(image, width, height, Filter::Box).unwrap_err();
        assert!(matches!(error, ResizeError::Empty { .. }), "{error}");
    }
}

#[test]
fn a_target_that_is_too_large_is_an_error() {
    for (width, height) in [(65_536, 1), (1, 65_536), (u32::MAX, u32::MAX)] {
        let error = resize(&pattern(3, 3), width, height, Filter::Box).unwrap_err();
        assert_eq!(error, ResizeError::TooLarge { width, height });
    }
    assert_eq!(
        resize(&pattern(3, 3), 65_535, 1, Filter::Lanczos)
            .unwrap()
            .width(),
        65_535
    );
}

#[test]
fn a_window_that_is_not_within_the_target_is_an_error() {
    for (left, width) in [(1, 10), (0, 11), (u64::MAX, 1)] {
        let window = Window {
            left,
            top: 0,
            width,
            height: 1,
        };
        let error = resize_window(&pattern(3, 3), 10, 1, window, Filter::Box).unwrap_err();
        assert_eq!(error, ResizeError::TooLarge { width, height: 1 });
    }
}

proptest! {
    #[test]
    fn one_colour_stays_that_colour(
        color in any::<[u8; 3]>(),
        from in (1_u32..40, 1_u32..40),
        to in (1_u32..60, 1_u32..60),
        filter in select(&FILTERS[..]),
    ) {
        let pixels = color.repeat((from.0 * from.1) as usize);
        let image = RgbImage::from_raw(from.0, from.1, pixels).unwrap();
        let resized = resize(&image, to.0, to.1, filter).unwrap();
        prop_assert_eq!((resized.width(), resized.height()), to);
        prop_assert!(resized.pixels().as_chunks::<3>().0.iter().all(|pixel| *pixel == color));
    }

    #[test]
    fn the_same_size_is_the_same_image(size in (1_u32..40, 1_u32..40), filter in select(&FILTERS[..])) {
        let image = pattern(size.0, size.1);
        prop_assert_eq!(&resize(&image, size.0, size.1, filter).unwrap(), &image);
    }

    #[test]
    fn a_window_is_cut_out_of_the_whole(
        from in (1_u32..50, 1_u32..50),
        to in (1_u32..50, 1_u32..50),
        corner in (0_u32..50, 0_u32..50),
        size in (1_u32..50, 1_u32..50),
        filter in select(&FILTERS[..]),
    ) {
        let (left, top) = (corner.0 % to.0, corner.1 % to.1);
        let (width, height) = (size.0.min(to.0 - left), size.1.min(to.1 - top));
        let window = Window { left: left.into(), top: top.into(), width, height };
        let image = pattern(from.0, from.1);
        let part = resize_window(&image, to.0.into(), to.1.into(), window, filter).unwrap();
        let whole = resize(&image, to.0, to.1, filter).unwrap();
        for y in 0..height {
            let row = &whole.row(top + y)[left as usize * 3..][..width as usize * 3];
            prop_assert_eq!(part.row(y), row);
        }
    }

    #[test]
    fn channels_do_not_mix(
        from in (1_u32..30, 1_u32..30),
        to in (1_u32..40, 1_u32..40),
        filter in select(&FILTERS[..]),
    ) {
        let image = pattern(from.0, from.1);
        let only_green: Vec<u8> =
            image.pixels().as_chunks::<3>().0.iter().flat_map(|&[_, green, _]| [0, green, 0]).collect();
        let only_green = RgbImage::from_raw(from.0, from.1, only_green).unwrap();
        let (all, green) =
            (resize(&image, to.0, to.1, filter).unwrap(), resize(&only_green, to.0, to.1, filter).unwrap());
        for (all, green) in all.pixels().as_chunks::<3>().0.iter().zip(green.pixels().as_chunks::<3>().0) {
            prop_assert_eq!([0, all[1], 0], *green);
        }
    }
}

//! Pixels against torchvision's, to the bit.

use imaging::RgbImage;

use super::{Recipe, margin};
use crate::clip::Variant;
use crate::dinov2;
use crate::goldens::Goldens;
use crate::goldens::formula::uniform;

fn recipes() -> [(&'static str, &'static str, Recipe); 3] {
    [
        ("clip", "clip224", Variant::VitB32.recipe()),
        ("clip", "clip336", Variant::VitL14At336.recipe()),
        ("dinov2", "dinov2", dinov2::RECIPE),
    ]
}

fn image(width: u32, height: u32, level: impl Fn(usize) -> u8) -> RgbImage {
    let samples = width as usize * height as usize * 3;
    RgbImage::from_raw(width, height, (0..samples).map(level).collect()).unwrap()
}

#[test]
fn every_level_is_normalised_as_upstream() {
    for (file, model, recipe) in recipes() {
        let expected = Goldens::open(file).rows::<3>(&format!("{model}.levels"));
        assert_eq!(expected.len(), 256);
        let tables = recipe.statistics.tables();
        for (level, expected) in expected.iter().enumerate() {
            assert_eq!(
                tables.map(|table| table[level]),
                *expected,
                "{model} {level}"
            );
        }
    }
}

#[test]
fn pictures_are_scaled_cropped_and_normalised_as_upstream() {
    for (file, model, recipe) in recipes() {
        let goldens = Goldens::open(file);
        let prefix = format!("{model}.picture.");
        let cases: Vec<&str> = goldens
            .names()
            .filter_map(|name| name.strip_prefix(&prefix)?.strip_suffix(".checksum"))
            .collect();
        assert_eq!(cases.len(), 11, "{model}");
        for case in cases {
            let (height, width) = case.split_once('x').unwrap();
            let (height, width) = (height.parse().unwrap(), width.parse().unwrap());
            let name = format!("{prefix}{case}");
            let levels = uniform(&name, width as usize * height as usize * 3);
            let picture = image(width, height, |i| (128.0 + 128.0 * levels[i]) as u8);

            let fitted = recipe.middle(&picture).unwrap();
            let checksum: i64 = fitted
                .iter()
                .zip((1..=251).cycle())
                .map(|(&level, place)| i64::from(level) * place)
                .sum();
            assert_eq!(
                goldens.integers(&format!("{name}.checksum")),
                [checksum],
                "{name}"
            );

            let pixels = recipe.apply(&picture).unwrap();
            assert_eq!(pixels.side(), recipe.side());
            assert_eq!(pixels.values().len(), recipe.side() * recipe.side() * 3);
            let expected = goldens.floats(&format!("{name}.samples"));
            let count = expected.len();
            let got: Vec<f32> = (0..count)
                .map(|k| pixels.values()[k * pixels.values().len() / count])
                .collect();
            assert_eq!(got, expected, "{name}");
        }
    }
}

/// Python's `round` of half the rest.
#[test]
fn half_a_pixel_goes_to_the_even_margin() {
    let margins = [
        (224, 0),
        (225, 0),
        (226, 1),
        (227, 2),
        (228, 2),
        (229, 2),
        (231, 4),
    ];
    for (length, expected) in margins {
        assert_eq!(margin(length, 224), expected, "{length}");
    }
}

#[test]
fn what_cannot_be_scaled_is_an_error_that_says_its_size() {
    let empty = image(0, 7, |_| 0);
    let error = dinov2::RECIPE.apply(&empty).unwrap_err();
    assert_eq!(error.to_string(), "an image of 0x7 pixels has none");
}

#[test]
fn the_middle_of_an_image_however_elongated_is_had() {
    for (width, height) in [(1, 5_000_000), (5_000_000, 1), (2600, 20)] {
        let pixels = dinov2::RECIPE.apply(&image(width, height, |_| 9)).unwrap();
        let (levels, rest) = pixels.values().as_chunks::<3>();
        assert!(levels.len() == 518 * 518 && rest.is_empty());
        assert!(levels.iter().all(|level| *level == levels[0]));
    }
}

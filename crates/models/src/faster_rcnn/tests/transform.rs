//! The network's input against upstream's transform.

use super::sizes::picture;
use crate::faster_rcnn::config::RESNET50_FPN;
use crate::faster_rcnn::transform::{input, scaled_size};
use crate::goldens::Goldens;

#[test]
fn sizes_are_upstreams() {
    let rows = Goldens::open("faster_rcnn_transform").integer_rows::<4>("transform.sizes");
    assert_eq!(rows.len(), 38 * 38);
    let mut refused = 0;
    for [height, width, scaled_height, scaled_width] in rows {
        let image = (height as u32, width as u32);
        let expected = (scaled_height > 0 && scaled_width > 0)
            .then_some((scaled_height as usize, scaled_width as usize));
        assert_eq!(scaled_size(image, &RESNET50_FPN), expected, "{image:?}");
        refused += u32::from(expected.is_none());
    }
    assert!(refused > 0);
    assert_eq!(scaled_size((0, 5), &RESNET50_FPN), None);
    assert_eq!(scaled_size((0, 0), &RESNET50_FPN), None);
}

#[test]
fn numbers_are_upstreams() {
    let goldens = Goldens::open("faster_rcnn_transform");
    let pictures = [
        (64, 64),
        (48, 80),
        (97, 61),
        (1, 1),
        (1, 3),
        (3, 1),
        (1, 1300),
        (900, 8),
        (810, 830),
    ];
    for (height, width) in pictures {
        let name = format!("transform.picture.{height}x{width}");
        let sizes = goldens.indices(&format!("{name}.sizes"));
        let size = scaled_size((height, width), &RESNET50_FPN).unwrap();
        let got = input(&picture(&name, height, width), size);
        assert_eq!(
            [got.size.0, got.size.1, got.padded.0, got.padded.1],
            *sizes,
            "{name}"
        );
        assert_eq!(got.pixels.len(), got.padded.0 * got.padded.1 * 3);
        let expected = goldens.floats(&format!("{name}.samples"));
        for (k, expected) in expected.iter().enumerate() {
            let at = k * got.pixels.len() / 300;
            let value = got.pixels[at];
            // Upstream may fuse a product and a sum.
            assert!(
                (value - expected).abs() <= 1e-6,
                "{name}: {at} is {value}, not {expected}"
            );
        }
    }
}

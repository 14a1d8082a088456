//! Properties of `crop`, and that PNG keeps every pixel.

use std::num::NonZeroUsize;
use std::thread;

use imaging::{ExifOrientation, Limits, RgbImage, Workers, crop, decode, encode_png};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

fn images() -> impl Strategy<Value = RgbImage> {
    (1_u32..20, 1_u32..20).prop_flat_map(|(width, height)| {
        vec(any::<u8>(), (width * height * 3) as usize)
            .prop_map(move |pixels| RgbImage::from_raw(width, height, pixels).unwrap())
    })
}

fn pixel(image: &RgbImage, x: i32, y: i32) -> [u8; 3] {
    let inside = (0..image.width() as i32).contains(&x) && (0..image.height() as i32).contains(&y);
    if inside {
        image.row(y as u32).as_chunks::<3>().0[x as usize]
    } else {
        [0; 3]
    }
}

proptest! {
    #[test]
    fn every_pixel_is_the_images_or_black(
        image in images(),
        x in -30_i32..30,
        y in -30_i32..30,
        width in 1_i32..40,
        height in 1_i32..40,
    ) {
        let part = crop(&image, [x, y, x + width, y + height], &Limits::default()).unwrap();
        prop_assert_eq!((part.width() as i32, part.height() as i32), (width, height));
        for row in 0..height {
            for column in 0..width {
                prop_assert_eq!(pixel(&part, column, row), pixel(&image, x + column, y + row));
            }
        }
    }

    #[test]
    fn any_box_is_an_image_or_an_error(image in images(), bbox in any::<[i32; 4]>()) {
        let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
        if let Ok(part) = crop(&image, bbox, &limits) {
            prop_assert_eq!(i64::from(part.width()), i64::from(bbox[2]) - i64::from(bbox[0]));
        }
    }

    #[test]
    fn png_keeps_every_pixel(image in images()) {
        let png = encode_png(&image).unwrap();
        prop_assert_eq!(decode(&png, &Limits::default(), ExifOrientation::Ignore).unwrap(), image);
    }
}

#[test]
fn an_image_without_pixels_is_no_png() {
    let empty = RgbImage::from_raw(0, 0, vec![]).unwrap();
    assert_eq!(
        encode_png(&empty).unwrap_err().to_string(),
        "cannot encode a 0x0 image as PNG"
    );
}

/// Noise that grows from black to the bottom: rows of all filters, runs of zeros, and codes that differ between segments.
#[test]
fn a_large_png_is_the_same_on_any_number_of_threads() {
    let (width, height) = (1_023, 1_400);
    let sample = |at: u32| {
        let noise = u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        (noise as u32 * (at / width / 100) / 42 + at / 3 % width / 8) as u8
    };
    let pixels = (0..width * height * 3).map(sample).collect();
    let image = RgbImage::from_raw(width, height, pixels).unwrap();
    let alone = encode_png(&image).unwrap();
    let decoded = decode(&alone, &Limits::default(), ExifOrientation::Ignore).unwrap();
    assert!(decoded == image);
    for threads in [1, 2, 3, 8] {
        let workers = Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap();
        let helped = thread::scope(|scope| {
            let helped = scope.spawn(|| {
                workers.help_this_thread();
                encode_png(&image).unwrap()
            });
            helped.join().unwrap()
        });
        assert!(helped == alone, "{threads} threads");
    }
}

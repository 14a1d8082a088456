#![no_main]
//! Arbitrary bytes as an image: no panic, no picture beyond the limits, and everything that can be
//! done with a picture works on whatever came out.

use std::num::NonZeroUsize;

use imaging::{ExifOrientation, Filter, Limits, Workers, crop, decode, encode_png, resize};
use libfuzzer_sys::fuzz_target;

/// A panic that the library contains, of another crate's decoder, is no find; one that gets out still is. Several threads work on
/// large pictures.
fn init() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let threads = NonZeroUsize::new(3).expect("not zero");
    Workers::new(threads).expect("threads").help_this_thread();
}

fuzz_target!(init: init(), |bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, max_side: 4096, max_decode_bytes: 32 << 20 };
    let Ok(image) = decode(bytes, &limits, ExifOrientation::Apply) else { return };
    let (width, height) = (image.width(), image.height());
    assert!(width > 0 && height > 0 && width.max(height) <= limits.max_side);
    assert!(u64::from(width) * u64::from(height) <= limits.max_pixels);

    let bbox = [-3, height as i32 / 2, width as i32 / 2 + 1, height as i32 + 5];
    let part = crop(&image, bbox, &limits).expect("a box with pixels, within the limits");
    for filter in [Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
        let small = resize(&part, 17, 9, filter).expect("a small target");
        let png = encode_png(&small).expect("an image with pixels");
        let again = decode(&png, &limits, ExifOrientation::Ignore).expect("our own PNG");
        assert!(again == small, "PNG changed a pixel");
    }
});

//! The reference pixels: binary PPM files.

use imaging::RgbImage;

/// Reads a `P6` file as Pillow writes it.
pub(crate) fn read(bytes: &[u8]) -> RgbImage {
    let mut rest = bytes;
    let mut word = || {
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .expect("a header");
        let word = str::from_utf8(&rest[..end]).expect("ASCII");
        rest = &rest[end + 1..];
        word
    };
    assert_eq!(word(), "P6");
    let [width, height, most] =
        [word(), word(), word()].map(|word| word.parse().expect("a number"));
    assert_eq!(most, 255);
    RgbImage::from_raw(width, height, rest.to_vec()).expect("all pixels")
}

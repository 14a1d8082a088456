//! Stored samples to RGB8, by Pillow's conversions.

/// A colour table of up to 256 entries. An index without an entry is black.
pub(super) struct Palette(Vec<[u8; 3]>);

impl Palette {
    pub(super) fn new(entries: impl IntoIterator<Item = [u8; 3]>) -> Self {
        let mut colors: Vec<[u8; 3]> = entries.into_iter().take(256).collect();
        colors.resize(256, [0; 3]);
        Self(colors)
    }

    /// A palette that starts as the grey ramp stands for the whole ramp, as in Pillow.
    pub(super) fn new_or_grey(entries: &[[u8; 3]]) -> Self {
        let is_grey = (0..=255)
            .zip(entries)
            .all(|(level, entry)| *entry == [level; 3]);
        if is_grey {
            Self::grey()
        } else {
            Self::new(entries.iter().copied())
        }
    }

    /// The grey ramp: each index is its own level.
    pub(super) fn grey() -> Self {
        Self::new((0..=255).map(|level| [level; 3]))
    }

    pub(super) fn color(&self, index: u8) -> [u8; 3] {
        self.0[usize::from(index)]
    }
}

/// `count` samples of 1, 2, 4 or 8 bits, packed from the high bits down.
pub(super) fn unpack_bits(packed: &[u8], bits: u8, count: usize) -> impl Iterator<Item = u8> {
    let per_byte = usize::from(8 / bits);
    let mask = (0xff_u16 >> (8 - bits)) as u8;
    (0..count).map(move |index| {
        let shift = 8 - bits as usize * (index % per_byte + 1);
        packed.get(index / per_byte).copied().unwrap_or(0) >> shift & mask
    })
}

/// A grey sample of 1, 2 or 4 bits stretched to 8.
pub(super) fn stretch(sample: u8, bits: u8) -> u8 {
    sample * (255 / ((1_u16 << bits) - 1) as u8)
}

/// CMYK, 255 = full ink, to RGB: `(1 - ink) * (1 - black)` with Pillow's rounding.
pub(super) fn cmyk_to_rgb([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = 255 - i32::from(black);
    [cyan, magenta, yellow].map(|ink| {
        let product = i32::from(ink) * light + 128;
        (light - ((product + (product >> 8)) >> 8)).clamp(0, 255) as u8
    })
}

/// YCbCr to RGB as Pillow converts it, in 64ths. (JPEG files are converted by libjpeg, more finely.)
pub(super) fn ycbcr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let term = |factor: f64, level: u8| (factor * 64.0 * (f64::from(level) - 128.0) + 0.5) as i32;
    let green = (term(-0.344_14, cb) + term(-0.714_14, cr)) >> 6;
    [term(1.402, cr) >> 6, green, term(1.772, cb) >> 6]
        .map(|term| (i32::from(y) + term).clamp(0, 255) as u8)
}

/// A colour that was multiplied with its alpha, divided by it again.
pub(super) fn unmultiply(color: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        255 => color,
        _ => (u16::from(color) * 255 / u16::from(alpha)).min(255) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_high_end() {
        let bits = |bits, count| unpack_bits(&[0b1011_0010, 0xf0], bits, count).collect::<Vec<_>>();
        assert_eq!(bits(1, 9), [1, 0, 1, 1, 0, 0, 1, 0, 1]);
        assert_eq!(bits(2, 5), [2, 3, 0, 2, 3]);
        assert_eq!(bits(4, 3), [11, 2, 15]);
        assert_eq!(bits(8, 3), [0xb2, 0xf0, 0]);
    }

    #[test]
    fn full_scale_stays_full_scale() {
        assert_eq!(
            [stretch(1, 1), stretch(3, 2), stretch(15, 4), stretch(1, 4)],
            [255, 255, 255, 17]
        );
    }

    #[test]
    fn cmyk_as_pillow_13_converts_it() {
        assert_eq!(cmyk_to_rgb([10, 20, 30, 40]), [207, 198, 190]);
        assert_eq!(cmyk_to_rgb([255, 0, 128, 3]), [0, 252, 126]);
    }

    #[test]
    fn an_index_without_an_entry_is_black() {
        let palette = Palette::new([[1, 2, 3]]);
        assert_eq!([palette.color(0), palette.color(1)], [[1, 2, 3], [0, 0, 0]]);
    }
}

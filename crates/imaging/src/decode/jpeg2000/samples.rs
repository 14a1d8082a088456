//! Samples of any depth to bytes, with Pillow's roundings.

/// A sample of `bits` to one of 8: too few bits are moved up, too many rounded off. What that rounds up to
/// 256 starts again at 0, as in Pillow.
pub(super) fn to_8_bits(sample: f32, bits: u8) -> u8 {
    let most = ((1_u64 << bits) - 1) as f32;
    let sample = sample.round_ties_even().clamp(0.0, most) as u32;
    match bits {
        0..=8 => (sample << (8 - bits)) as u8,
        bits => ((u64::from(sample) + (1 << (bits - 9))) >> (bits - 8)) as u8,
    }
}

/// A grey sample of more than 8 bits: it becomes one of 16, which saturates on its way to RGB.
pub(super) fn to_16_bits_saturated(sample: f32, bits: u8) -> u8 {
    let most = ((1_u64 << bits) - 1) as f32;
    let sample = sample.round_ties_even().clamp(0.0, most) as u64;
    let sample = match bits {
        0..=16 => sample << (16 - bits),
        bits => (sample + (1 << (bits - 17))) >> (bits - 16),
    };
    sample.min(255) as u8
}

/// With the roundings of Pillow's tables, which have six bits behind the point.
pub(super) fn ycbcr_to_rgb([luma, cb, cr]: [u8; 3]) -> [u8; 3] {
    let term = |sample: u8, factor: f64| ((f64::from(sample) - 128.0) * factor * 64.0 + 0.5) as i32;
    let luma = i32::from(luma);
    [
        luma + (term(cr, 1.402) >> 6),
        luma + ((term(cb, -0.34414) + term(cr, -0.71414)) >> 6),
        luma + (term(cb, 1.772) >> 6),
    ]
    .map(|color| color.clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_moved_and_rounded_as_pillow_does() {
        assert_eq!([to_8_bits(1.0, 1), to_8_bits(15.0, 4)], [128, 240]);
        assert_eq!([to_8_bits(257.0, 9), to_8_bits(509.0, 9)], [129, 255]);
        assert_eq!(to_8_bits(65_535.0, 16), 0);
        assert_eq!([to_8_bits(-3.0, 8), to_8_bits(300.0, 8)], [0, 255]);
        assert_eq!(
            [to_16_bits_saturated(3.0, 16), to_16_bits_saturated(1.0, 12)],
            [3, 16]
        );
        assert_eq!(to_16_bits_saturated(65_535.0, 16), 255);
    }
}

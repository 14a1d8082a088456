use super::ycbcr::YCbCr;
use crate::decode::jpeg::Colors;
use crate::decode::samples::{
    Palette, cmyk_to_rgb, stretch, unmultiply, unpack_bits, ycbcr_to_rgb,
};

/// What a pixel's samples mean. `stride` is the bytes from one pixel to the next, `size` a
/// sample's bytes, and `high` where in a sample its most significant byte lies: of 16-bit colours
/// only that byte counts.
pub(super) enum Kind {
    Grey {
        bits: u8,
        white_is_zero: bool,
    },
    /// 8-bit grey and something that is dropped.
    GreyAnd {
        stride: usize,
    },
    /// Grey of more than 8 bits, which saturates at 0 and 255.
    Integer {
        size: usize,
        big_endian: bool,
        signed: bool,
    },
    /// Grey of 12 bits, two pixels in three bytes, which saturates at 255.
    Twelve,
    /// Grey of 32-bit floats, which saturates at 0 and 255.
    Float {
        big_endian: bool,
    },
    Palette {
        bits: u8,
        stride: usize,
        palette: Palette,
    },
    Rgb {
        stride: usize,
        size: usize,
        high: usize,
    },
    /// RGB that was multiplied with the alpha behind it.
    PremultipliedRgb {
        stride: usize,
        size: usize,
        high: usize,
    },
    Cmyk {
        stride: usize,
        size: usize,
        high: usize,
    },
    /// As Pillow itself takes what is not compressed: whatever the file says, each pixel has its own colour.
    YCbCr,
    /// As libtiff takes what it decompresses.
    ConvertedYCbCr(Box<YCbCr>),
    /// JPEG data, which is RGB when it is decoded.
    Jpeg(Colors),
}

impl Kind {
    /// Converts as many pixels of a stored row as `rgb` has room for.
    pub(super) fn to_rgb(&self, row: &[u8], rgb: &mut [u8]) {
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        let count = pixels.len();
        let grey = |levels: &mut dyn Iterator<Item = u8>, pixels: &mut [[u8; 3]]| {
            for (pixel, level) in pixels.iter_mut().zip(levels) {
                *pixel = [level; 3];
            }
        };
        match self {
            Self::Grey {
                bits,
                white_is_zero,
            } => {
                let invert = if *white_is_zero { 0xff } else { 0 };
                let levels = unpack_bits(row, *bits, count);
                grey(
                    &mut levels.map(|level| stretch(level, *bits) ^ invert),
                    pixels,
                );
            }
            Self::GreyAnd { stride } => {
                grey(&mut row.chunks_exact(*stride).map(|pixel| pixel[0]), pixels);
            }
            Self::Integer {
                size,
                big_endian,
                signed,
            } => {
                let levels = row.chunks_exact(*size);
                grey(
                    &mut levels.map(|level| saturate(level, *big_endian, *signed)),
                    pixels,
                );
            }
            Self::Twelve => {
                let pairs = row.chunks(3).flat_map(|bytes| {
                    let byte = |at: usize| u16::from(bytes.get(at).copied().unwrap_or(0));
                    [byte(0) << 4 | byte(1) >> 4, (byte(1) & 15) << 8 | byte(2)]
                });
                grey(&mut pairs.map(|level| level.min(255) as u8), pixels);
            }
            Self::YCbCr => {
                for (pixel, &stored) in pixels.iter_mut().zip(row.as_chunks::<3>().0) {
                    *pixel = ycbcr_to_rgb(stored);
                }
            }
            Self::ConvertedYCbCr(conversion) => {
                for (pixel, &stored) in pixels.iter_mut().zip(row.as_chunks::<3>().0) {
                    *pixel = conversion.to_rgb(stored);
                }
            }
            Self::Jpeg(_) => {
                for (pixel, stored) in pixels.iter_mut().zip(row.as_chunks::<3>().0) {
                    *pixel = *stored;
                }
            }
            Self::Float { big_endian } => {
                let levels = row.as_chunks::<4>().0.iter().map(|&bytes| {
                    let level = if *big_endian {
                        f32::from_be_bytes(bytes)
                    } else {
                        f32::from_le_bytes(bytes)
                    };
                    // Casts saturate, and cut off the fraction as Pillow does.
                    level as u8
                });
                grey(&mut { levels }, pixels);
            }
            Self::Palette {
                bits: 8,
                stride,
                palette,
            } => {
                for (pixel, stored) in pixels.iter_mut().zip(row.chunks_exact(*stride)) {
                    *pixel = palette.color(stored[0]);
                }
            }
            Self::Palette { bits, palette, .. } => {
                for (pixel, index) in pixels.iter_mut().zip(unpack_bits(row, *bits, count)) {
                    *pixel = palette.color(index);
                }
            }
            Self::Rgb { stride, size, high } => {
                for (pixel, stored) in pixels.iter_mut().zip(row.chunks_exact(*stride)) {
                    *pixel = [0, 1, 2].map(|sample| stored[sample * size + high]);
                }
            }
            Self::PremultipliedRgb { stride, size, high } => {
                for (pixel, stored) in pixels.iter_mut().zip(row.chunks_exact(*stride)) {
                    let alpha = stored[3 * size + high];
                    *pixel =
                        [0, 1, 2].map(|sample| unmultiply(stored[sample * size + high], alpha));
                }
            }
            Self::Cmyk { stride, size, high } => {
                for (pixel, stored) in pixels.iter_mut().zip(row.chunks_exact(*stride)) {
                    *pixel = cmyk_to_rgb([0, 1, 2, 3].map(|sample| stored[sample * size + high]));
                }
            }
        }
    }
}

/// An integer of 2 or 4 bytes, limited to 8 bits.
fn saturate(bytes: &[u8], big_endian: bool, signed: bool) -> u8 {
    let append = |value: i64, &byte: &u8| value << 8 | i64::from(byte);
    let value = if big_endian {
        bytes.iter().fold(0, append)
    } else {
        bytes.iter().rev().fold(0, append)
    };
    let bits = bytes.len() * 8;
    let negative = signed && value >> (bits - 1) & 1 == 1;
    if negative { 0 } else { value.min(255) as u8 }
}

#[cfg(test)]
mod tests {
    use super::saturate;

    #[test]
    fn integers_saturate_in_both_byte_orders() {
        assert_eq!(saturate(&[0, 200], true, false), 200);
        assert_eq!(saturate(&[200, 0], false, false), 200);
        assert_eq!(saturate(&[0, 200], false, false), 255);
        assert_eq!(saturate(&[0xff, 0xff], false, true), 0);
        assert_eq!(saturate(&[0xff, 0xff], false, false), 255);
        assert_eq!(saturate(&[7, 0, 0, 0x80], false, true), 0);
    }
}

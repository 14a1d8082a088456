use super::frame::Frame;
use crate::decode::samples::cmyk_to_rgb;

/// What the components mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Grey,
    Rgb,
    YCbCr,
    /// Inks, stored as 255 minus the ink.
    Cmyk,
    /// 255 minus the grey level.
    InvertedGrey,
    /// Inks, stored as they are.
    Inks,
    /// Inks whose first three are stored as YCbCr.
    Ycck,
}

impl Model {
    /// libjpeg's rules: the JFIF marker, then Adobe's, then the components' names. `adobe` is that
    /// marker's colour transform.
    pub(super) fn of(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Self {
        let ids: Vec<u8> = frame
            .components
            .iter()
            .map(|component| component.id)
            .collect();
        match (ids.len(), jfif, adobe) {
            (1, ..) => Self::Grey,
            (3, false, Some(0)) => Self::Rgb,
            (3, false, None) if ids == *b"RGB" => Self::Rgb,
            (3, ..) => Self::YCbCr,
            (_, _, None | Some(0)) => Self::Cmyk,
            _ => Self::Ycck,
        }
    }

    pub(super) fn components(self) -> usize {
        match self {
            Self::Grey | Self::InvertedGrey => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk | Self::Ycck | Self::Inks => 4,
        }
    }

    /// Converts one row of each component.
    #[inline(always)]
    pub(super) fn to_rgb(self, rows: &[&[u8]], rgb: &mut [u8]) {
        if let (Self::YCbCr, [ys, cbs, crs]) = (self, rows) {
            return ycbcr_row(ys, cbs, crs, rgb);
        }
        let pixels = rgb.as_chunks_mut::<3>().0.iter_mut();
        match (self, rows) {
            (Self::Grey, [levels]) => {
                for (pixel, &level) in pixels.zip(*levels) {
                    *pixel = [level; 3];
                }
            }
            (Self::InvertedGrey, [levels]) => {
                for (pixel, &level) in pixels.zip(*levels) {
                    *pixel = [255 - level; 3];
                }
            }
            (Self::Inks, [cs, ms, ys, ks]) => {
                for ((((pixel, &c), &m), &y), &k) in pixels.zip(*cs).zip(*ms).zip(*ys).zip(*ks) {
                    *pixel = cmyk_to_rgb([c, m, y, k]);
                }
            }
            (Self::Rgb, [reds, greens, blues]) => {
                for (((pixel, &red), &green), &blue) in pixels.zip(*reds).zip(*greens).zip(*blues) {
                    *pixel = [red, green, blue];
                }
            }
            (Self::Cmyk, [cs, ms, ys, ks]) => {
                for ((((pixel, &c), &m), &y), &k) in pixels.zip(*cs).zip(*ms).zip(*ys).zip(*ks) {
                    // Pillow takes every CMYK file for an Adobe one, which stores light, not ink.
                    *pixel = cmyk_to_rgb([c, m, y, k].map(|light| 255 - light));
                }
            }
            (Self::Ycck, [ys, cbs, crs, ks]) => {
                for ((((pixel, &y), &cb), &cr), &k) in pixels.zip(*ys).zip(*cbs).zip(*crs).zip(*ks)
                {
                    // libjpeg inverts the three on their way to CMY, and Pillow inverts all four.
                    let [c, m, y] = ycbcr_to_rgb(y, cb, cr);
                    *pixel = cmyk_to_rgb([c, m, y, 255 - k]);
                }
            }
            _ => {}
        }
    }
}

/// Eight pixels at a time, as three words: a compiler makes vectors of all but the stores of single bytes.
#[inline(always)]
fn ycbcr_row(ys: &[u8], cbs: &[u8], crs: &[u8], rgb: &mut [u8]) {
    let (groups, rest) = rgb.as_chunks_mut::<24>();
    let (y, y_rest) = ys.as_chunks::<8>();
    let (cb, cr) = (cbs.as_chunks::<8>().0, crs.as_chunks::<8>().0);
    let done = groups.len() * 8;
    for (((group, y), cb), cr) in groups.iter_mut().zip(y).zip(cb).zip(cr) {
        let mut pixels = [0; 8];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let [red, green, blue] = ycbcr_to_rgb(y[at], cb[at], cr[at]);
            *pixel = u32::from(red) | u32::from(green) << 8 | u32::from(blue) << 16;
        }
        let p = pixels.map(u64::from);
        let words = [
            p[0] | p[1] << 24 | p[2] << 48,
            p[2] >> 16 | p[3] << 8 | p[4] << 32 | p[5] << 56,
            p[5] >> 8 | p[6] << 16 | p[7] << 40,
        ];
        for (bytes, word) in group.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
    }
    let pixels = rest.as_chunks_mut::<3>().0.iter_mut();
    for (((pixel, &y), &cb), &cr) in pixels.zip(y_rest).zip(&cbs[done..]).zip(&crs[done..]) {
        *pixel = ycbcr_to_rgb(y, cb, cr);
    }
}

/// Fixed point with 16 fraction bits, with libjpeg's constants and rounding; whole multiples are taken apart, so that the
/// factors fit 16 bits.
#[inline(always)]
fn ycbcr_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    const ONE: i32 = 1 << 16;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + cr + (((91_881 - ONE) * cr + HALF) >> 16);
    let green = y - cr + ((-22_554 * cb + (ONE - 46_802) * cr + HALF) >> 16);
    let blue = y + 2 * cb + (((116_130 - 2 * ONE) * cb + HALF) >> 16);
    [
        red.clamp(0, 255) as u8,
        green.clamp(0, 255) as u8,
        blue.clamp(0, 255) as u8,
    ]
}

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
            (Self::YCbCr, [ys, cbs, crs]) => {
                for (((pixel, &y), &cb), &cr) in pixels.zip(*ys).zip(*cbs).zip(*crs) {
                    *pixel = ycbcr_to_rgb(y, cb, cr);
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

/// Fixed point with 16 fraction bits, with libjpeg's constants and rounding.
#[inline(always)]
fn ycbcr_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((91_881 * cr + HALF) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let blue = y + ((116_130 * cb + HALF) >> 16);
    [
        red.clamp(0, 255) as u8,
        green.clamp(0, 255) as u8,
        blue.clamp(0, 255) as u8,
    ]
}

//! YCbCr to RGB by libheif's ways for Pillow's plugin: each colour stands for its block of pixels, without smoothing.

use heifer_hevc_dec::recon::Frame;

use crate::{DecodeError, Format};

const IDENTITY: u16 = 0;

pub(super) struct Colors {
    matrix: u16,
    full_range: bool,
    /// What the differences from grey add: red of Cr, green of Cb and of Cr, blue of Cb.
    factors: [f32; 4],
}

impl Colors {
    /// `stated` is the container's word, which counts more than the frame's own.
    pub(super) fn new(stated: Option<(u16, bool)>, frame: &Frame) -> Result<Self, DecodeError> {
        let own = (u16::from(frame.matrix_coeffs), frame.full_range);
        let (matrix, full_range) = stated.unwrap_or(own);
        let (red, blue) = match matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 | 10 => (0.2627, 0.0593),
            IDENTITY | 2 | 5 | 6 => (0.299, 0.114),
            other => return Err(Format::Heic.unsupported(format!("colour matrix {other}"))),
        };
        if frame.bit_depth.iter().any(|bits| !(8..=16).contains(bits)) {
            return Err(Format::Heic.corrupt("samples of less than 8 bits"));
        }
        let green = 1.0 - red - blue;
        let (of_red, of_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
        Ok(Self {
            matrix,
            full_range,
            factors: [
                of_red,
                -blue * of_blue / green,
                -red * of_red / green,
                of_blue,
            ],
        })
    }

    /// Converts the beginning of one row of `frame`, as many pixels as `rgb` has room for.
    pub(super) fn row(&self, frame: &Frame, row: usize, rgb: &mut [u8]) {
        let line = |plane: usize, row: usize| {
            let width = frame.widths[plane] as usize;
            &frame.planes[plane][row * width..][..width]
        };
        let [luma_bits, color_bits] = frame.bit_depth;
        let lumas = line(0, row).iter();
        let pixels = rgb.as_chunks_mut::<3>().0.iter_mut().zip(lumas);
        if frame.widths[1] == 0 {
            pixels.for_each(|(pixel, &luma)| *pixel = [to_byte(luma, luma_bits); 3]);
            return;
        }
        let (across, down) = match frame.chroma_format {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let color_row = (row / down).min(frame.heights[1] as usize - 1);
        let [cbs, crs] = [1, 2].map(|plane| line(plane, color_row));
        for (x, (pixel, &luma)) in pixels.enumerate() {
            let at = (x / across).min(cbs.len() - 1);
            let (cb, cr) = (cbs[at], crs[at]);
            let bytes = || {
                let [cb, cr] = [cb, cr].map(|color| to_byte(color, color_bits));
                (to_byte(luma, luma_bits), cb, cr)
            };
            *pixel = match (self.matrix, down) {
                (IDENTITY, _) => {
                    let (green, blue, red) = bytes();
                    [red, green, blue]
                }
                // Where a colour stands for a square, what is deeper than 8 bits is cut first; else last.
                (_, 2) if self.full_range => self.by_integers(bytes()),
                (_, 2) => {
                    let (luma, cb, cr) = bytes();
                    self.by_floats([luma, cb, cr].map(u16::from), 8)
                }
                _ => self.by_floats([luma, cb, cr], luma_bits),
            };
        }
    }

    fn by_integers(&self, (luma, cb, cr): (u8, u8, u8)) -> [u8; 3] {
        let [red, green_cb, green_cr, blue] = self.factors.map(|it| (it * 256.0).round() as i32);
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        [red * cr, green_cb * cb + green_cr * cr, blue * cb]
            .map(|term| (i32::from(luma) + ((term + 128) >> 8)).clamp(0, 255) as u8)
    }

    fn by_floats(&self, stored: [u16; 3], bits: u8) -> [u8; 3] {
        let [red, green_cb, green_cr, blue] = self.factors;
        let [mut luma, mut cb, mut cr] = stored.map(f32::from);
        let unit = f32::from(1_u16 << (bits - 8));
        (cb, cr) = (cb - 128.0 * unit, cr - 128.0 * unit);
        if !self.full_range {
            luma = (luma - 16.0 * unit) * 1.1689;
            (cb, cr) = (cb * 1.1429, cr * 1.1429);
        }
        let most = 256.0 * unit - 1.0;
        [
            luma + red * cr,
            luma + green_cb * cb + green_cr * cr,
            luma + blue * cb,
        ]
        .map(|level| to_byte((level + 0.5).clamp(0.0, most) as u16, bits))
    }
}

fn to_byte(level: u16, bits: u8) -> u8 {
    (level >> (bits - 8)) as u8
}

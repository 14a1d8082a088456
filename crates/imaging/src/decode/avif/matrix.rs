//! From YUV to RGB: which matrix, and its numbers.

use crate::decode::boxes::Reader;

/// Colour description by the code points of ITU-T H.273.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Colors {
    pub(super) primaries: u16,
    pub(super) matrix: u16,
    pub(super) full_range: bool,
}

impl Colors {
    /// From a `colr` box; `None` for one that holds a profile.
    pub(super) fn read(colr: &[u8]) -> Option<Self> {
        let mut reader = Reader(colr);
        if reader.array()? != *b"nclx" {
            return None;
        }
        let (primaries, _transfer, matrix) = (reader.u16()?, reader.u16()?, reader.u16()?);
        Some(Self {
            primaries,
            matrix,
            full_range: reader.u8()? >> 7 == 1,
        })
    }

    /// The weights of red and blue in luma.
    pub(super) fn luma_weights(self) -> (f32, f32) {
        match self.matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 => (0.2627, 0.0593),
            12 => match self.primaries {
                1 | 2 => (0.2126, 0.0722),
                9 => (0.2627, 0.0593),
                primaries => derived_weights(primaries),
            },
            _ => (0.299, 0.114),
        }
    }

    /// The whole-number matrix that libyuv has for these colours, if it has one.
    pub(super) fn fixed(self) -> Option<Fixed> {
        #[derive(Clone, Copy)]
        enum Standard {
            Bt601,
            Bt709,
            Bt2020,
        }
        let standard = match (self.matrix, self.primaries) {
            (1, _) | (12, 1 | 2) => Standard::Bt709,
            (2 | 5 | 6, _) | (12, 5 | 6) => Standard::Bt601,
            (9, _) | (12, 9) => Standard::Bt2020,
            _ => return None,
        };
        let [blue_u, green_u, green_v, red_v] = match (standard, self.full_range) {
            (Standard::Bt601, false) => [128, 25, 52, 102],
            (Standard::Bt601, true) => [113, 22, 46, 90],
            (Standard::Bt709, false) => [128, 14, 34, 115],
            (Standard::Bt709, true) => [119, 12, 30, 101],
            (Standard::Bt2020, false) => [128, 12, 42, 107],
            (Standard::Bt2020, true) => [120, 11, 37, 94],
        };
        let (scale, bias) = match (standard, self.full_range) {
            (_, true) => (16_320, 32),
            (Standard::Bt2020, false) => (19_003, -1_160),
            (_, false) => (18_997, -1_160),
        };
        Some(Fixed {
            scale,
            bias,
            blue_u,
            green_u,
            green_v,
            red_v,
        })
    }
}

/// A matrix in 64ths, as libyuv has them for x86.
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    /// For luma in 16 bits, in 65,536ths of a 64th.
    scale: u32,
    bias: i32,
    blue_u: i32,
    green_u: i32,
    green_v: i32,
    red_v: i32,
}

impl Fixed {
    /// One pixel, from luma stretched to 16 bits and chroma of 8.
    pub(super) fn rgb(&self, luma: u32, u: u8, v: u8) -> [u8; 3] {
        let luma = ((luma * self.scale) >> 16) as i32 + self.bias;
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [
            luma + v * self.red_v,
            luma - (u * self.green_u + v * self.green_v),
            luma + u * self.blue_u,
        ]
        .map(|sample| (sample >> 6).clamp(0, 255) as u8)
    }
}

/// Red's and blue's weights that follow from the primaries' chromaticities (H.273, equations 32 to 37).
fn derived_weights(primaries: u16) -> (f32, f32) {
    let [[rx, ry], [gx, gy], [bx, by], [wx, wy]]: [[f32; 2]; 4] = match primaries {
        4 => [[0.67, 0.33], [0.21, 0.71], [0.14, 0.08], [0.310, 0.316]],
        5 => [[0.64, 0.33], [0.29, 0.60], [0.15, 0.06], [0.3127, 0.3290]],
        6 | 7 => [
            [0.630, 0.340],
            [0.310, 0.595],
            [0.155, 0.070],
            [0.3127, 0.3290],
        ],
        8 => [
            [0.681, 0.319],
            [0.243, 0.692],
            [0.145, 0.049],
            [0.310, 0.316],
        ],
        10 => [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.3333, 0.3333]],
        11 => [
            [0.680, 0.320],
            [0.265, 0.690],
            [0.150, 0.060],
            [0.314, 0.351],
        ],
        12 => [
            [0.680, 0.320],
            [0.265, 0.690],
            [0.150, 0.060],
            [0.3127, 0.3290],
        ],
        22 => [
            [0.630, 0.340],
            [0.295, 0.605],
            [0.155, 0.077],
            [0.3127, 0.3290],
        ],
        _ => return (0.2126, 0.0722),
    };
    let z = |x: f32, y: f32| 1.0 - x - y;
    let [rz, gz, bz, wz] = [z(rx, ry), z(gx, gy), z(bx, by), z(wx, wy)];
    let below =
        wy * (rx * (gy * bz - by * gz) + gx * (by * rz - ry * bz) + bx * (ry * gz - gy * rz));
    let red = ry * (wx * (gy * bz - by * gz) + wy * (bx * gz - gx * bz) + wz * (gx * by - bx * gy));
    let blue =
        by * (wx * (ry * gz - gy * rz) + wy * (gx * rz - rx * gz) + wz * (rx * gy - gx * ry));
    (red / below, blue / below)
}

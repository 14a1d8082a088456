//! Planes to RGB8, by the way that libavif takes for Pillow: libyuv's whole-number arithmetic for the usual
//! matrices, floating point for the others.

use super::matrix::{Colors, Fixed};
use super::planes::{Plane, Planes};
use crate::{DecodeError, Format};

const IDENTITY: u16 = 0;
const YCGCO: u16 = 8;

pub(super) fn to_rgb(
    planes: &Planes,
    colors: Colors,
    has_alpha: bool,
) -> Result<Vec<u8>, DecodeError> {
    let Some(chroma) = &planes.chroma else {
        return grey(planes, colors, has_alpha);
    };
    match colors.fixed() {
        Some(fixed) => Ok(by_fixed(planes, chroma, fixed, has_alpha)),
        None => by_float(planes, chroma, colors),
    }
}

/// A grey picture. Without alpha Pillow asks for grey, which takes libavif's own arithmetic; with alpha for
/// RGBA, which takes libyuv's.
fn grey(planes: &Planes, colors: Colors, has_alpha: bool) -> Result<Vec<u8>, DecodeError> {
    let colors = match colors.matrix {
        IDENTITY => Colors {
            matrix: 6,
            ..colors
        },
        _ => colors,
    };
    supported(colors)?;
    let table: Vec<u8> = match colors.fixed().filter(|_| has_alpha) {
        Some(fixed) => (0..1_u32 << planes.bits)
            .map(|level| fixed.rgb((level >> (planes.bits - 8)) * 0x101, 128, 128)[0])
            .collect(),
        None => {
            let scale = Scale::new(planes.bits, colors, false);
            (0..1_u16 << planes.bits)
                .map(|level| to_byte(scale.luma(level)))
                .collect()
        }
    };
    let last = table.len() - 1;
    let samples = planes.luma.samples.iter();
    Ok(samples
        .flat_map(|&level| [table[usize::from(level).min(last)]; 3])
        .collect())
}

/// How libyuv takes the samples.
#[derive(Clone, Copy, PartialEq)]
enum Route {
    /// All samples cut to 8 bits first.
    Eight,
    /// All bits of luma, chroma cut to 8 bits after it was interpolated.
    Deep,
    /// The same without interpolation.
    DeepNearest,
}

fn by_fixed(planes: &Planes, chroma: &[Plane; 2], fixed: Fixed, has_alpha: bool) -> Vec<u8> {
    let (width, height) = (planes.luma.width, planes.luma.height);
    let [shift_x, shift_y] = [
        usize::from(chroma[0].width < width),
        usize::from(chroma[0].height < height),
    ];
    // libyuv has whole-number routines for more than 8 bits only to RGBA, and not for all layouts.
    let route = match (has_alpha, planes.bits, shift_x, shift_y) {
        (true, 10, ..) => Route::Deep,
        (true, 12, 1, 1) => Route::DeepNearest,
        _ => Route::Eight,
    };
    let cut = u32::from(planes.bits) - 8;
    let early_cut = if route == Route::Eight { cut } else { 0 };
    let late_cut = cut - early_cut;
    let mut pixels = Vec::with_capacity(width * height * 3);
    let mut interpolated = [vec![0_u8; width], vec![0_u8; width]];
    for y in 0..height {
        for (plane, row) in chroma.iter().zip(&mut interpolated) {
            let near = y >> shift_y;
            let other = if route == Route::DeepNearest {
                near
            } else {
                neighbour(y, height, shift_y, plane.height)
            };
            let rows = [plane.row(near), plane.row(other)];
            for (x, sample) in row.iter_mut().enumerate() {
                let near = x >> shift_x;
                let other = match route {
                    Route::DeepNearest => near,
                    // libyuv's last column takes no neighbour, whether or not there is one.
                    _ if x + 1 == width => near,
                    _ => neighbour(x, width, shift_x, plane.width),
                };
                let at = |row: usize, x: usize| u32::from(rows[row][x] >> early_cut);
                let sum = 9 * at(0, near) + 3 * (at(0, other) + at(1, near)) + at(1, other);
                *sample = ((sum + 8) >> (4 + late_cut)).min(255) as u8;
            }
        }
        let [us, vs] = &interpolated;
        for ((&luma, &u), &v) in planes.luma.row(y).iter().zip(us).zip(vs) {
            let luma = u32::from(luma);
            let luma = match route {
                Route::Eight => (luma >> cut) * 0x101,
                _ => luma << (16 - planes.bits) | luma >> (2 * planes.bits - 16),
            };
            pixels.extend_from_slice(&fixed.rgb(luma, u, v));
        }
    }
    pixels
}

/// The chroma sample beside the nearest one: before it for the first of two pixels, else behind it.
fn neighbour(at: usize, length: usize, shift: usize, samples: usize) -> usize {
    let near = at >> shift;
    if shift == 0 || at == 0 {
        near
    } else if at.is_multiple_of(2) {
        near - 1
    } else if at + 1 == length {
        near
    } else {
        (near + 1).min(samples - 1)
    }
}

/// From stored numbers to 0..=1, and for chroma to -0.5..=0.5.
struct Scale {
    luma_bias: f32,
    luma_range: f32,
    chroma_bias: f32,
    chroma_range: f32,
}

impl Scale {
    fn new(bits: u8, colors: Colors, identity: bool) -> Self {
        let most = ((1_u32 << bits) - 1) as f32;
        let unit = (1_u32 << (bits - 8)) as f32;
        let (luma_bias, luma_range, chroma_range) = if colors.full_range {
            (0.0, most, most)
        } else {
            (16.0 * unit, 219.0 * unit, 224.0 * unit)
        };
        let chroma_bias = 128.0 * unit;
        if identity {
            return Self {
                luma_bias,
                luma_range,
                chroma_bias: luma_bias,
                chroma_range: luma_range,
            };
        }
        Self {
            luma_bias,
            luma_range,
            chroma_bias,
            chroma_range,
        }
    }

    fn luma(&self, level: u16) -> f32 {
        (f32::from(level) - self.luma_bias) / self.luma_range
    }

    fn chroma(&self, level: u16) -> f32 {
        (f32::from(level) - self.chroma_bias) / self.chroma_range
    }
}

fn to_byte(level: f32) -> u8 {
    (0.5 + level.clamp(0.0, 1.0) * 255.0) as u8
}

/// Refuses the colours that libavif refuses.
fn supported(colors: Colors) -> Result<(), DecodeError> {
    let known = match colors.matrix {
        3 | 10 | 11 | 13 | 14 => false,
        YCGCO => colors.full_range,
        matrix => matrix < 15,
    };
    if known {
        Ok(())
    } else {
        Err(Format::Avif.unsupported(format!("matrix coefficients {}", colors.matrix)))
    }
}

fn by_float(planes: &Planes, chroma: &[Plane; 2], colors: Colors) -> Result<Vec<u8>, DecodeError> {
    supported(colors)?;
    let (width, height) = (planes.luma.width, planes.luma.height);
    let [shift_x, shift_y] = [
        usize::from(chroma[0].width < width),
        usize::from(chroma[0].height < height),
    ];
    if colors.matrix == IDENTITY && shift_x + shift_y > 0 {
        return Err(Format::Avif.corrupt("it stores RGB with subsampled colours"));
    }
    let scale = Scale::new(planes.bits, colors, colors.matrix == IDENTITY);
    let (red_weight, blue_weight) = colors.luma_weights();
    let green_weight = 1.0 - red_weight - blue_weight;
    let most = ((1_u32 << planes.bits) - 1) as u16;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let rows = chroma.each_ref().map(|plane| {
            [y >> shift_y, neighbour(y, height, shift_y, plane.height)].map(|y| plane.row(y))
        });
        for (x, &luma) in planes.luma.row(y).iter().enumerate() {
            let near = x >> shift_x;
            let other = neighbour(x, width, shift_x, chroma[0].width);
            let [cb, cr] = rows.map(|[row, next]| {
                let at = |row: &[u16], x: usize| scale.chroma(row[x].min(most));
                if shift_x + shift_y == 0 {
                    at(row, near)
                } else {
                    at(row, near) * (9.0 / 16.0)
                        + at(row, other) * (3.0 / 16.0)
                        + at(next, near) * (3.0 / 16.0)
                        + at(next, other) * (1.0 / 16.0)
                }
            });
            let luma = scale.luma(luma.min(most));
            let pixel = match colors.matrix {
                IDENTITY => [cr, luma, cb],
                YCGCO => [luma - cb + cr, luma + cb, luma - cb - cr],
                _ => [
                    luma + 2.0 * (1.0 - red_weight) * cr,
                    luma - 2.0
                        * (red_weight * (1.0 - red_weight) * cr
                            + blue_weight * (1.0 - blue_weight) * cb)
                        / green_weight,
                    luma + 2.0 * (1.0 - blue_weight) * cb,
                ],
            };
            pixels.extend(pixel.map(to_byte));
        }
    }
    Ok(pixels)
}

//! The loops over all samples, compiled once for each kind of processor.

use pulp::{Simd, WithSimd};

use super::blocks::Coefficients;
use super::color::Model;
use super::frame::Frame;
use super::idct;
use super::planes::{Planes, Stretched};
use super::scan::Scan;
use super::walk::{Blocks, Entropy, walk};
use crate::DecodeError;

/// Decodes a scan; returns the last row of minimum coded units that had data.
pub(super) struct Walk<'a, E, B> {
    pub(super) scan: &'a Scan,
    pub(super) frame: &'a Frame,
    pub(super) restart_interval: usize,
    pub(super) entropy: &'a mut E,
    pub(super) blocks: &'a mut B,
}

impl<'f, E: Entropy<'f>, B: Blocks<E>> WithSimd for Walk<'_, E, B> {
    type Output = Result<usize, DecodeError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let Self {
            scan,
            frame,
            restart_interval,
            entropy,
            blocks,
        } = self;
        walk(scan, frame, restart_interval, entropy, blocks)
    }
}

/// Turns a component's coefficients into samples.
pub(super) struct Transform<'a> {
    pub(super) coefficients: &'a Coefficients,
    pub(super) table: &'a [i32; 64],
    pub(super) plane: &'a mut [u8],
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let wide = self.coefficients.wide;
        let factors = idct::factors(self.table);
        let rows = self.coefficients.blocks.chunks_exact(wide);
        for (blocks, plane) in rows.zip(self.plane.chunks_exact_mut(wide * 64)) {
            for (x, block) in blocks.iter().enumerate() {
                idct::inverse(block, &factors, &mut plane[x * 8..], wide * 8);
            }
        }
    }
}

/// Stretches the components to the picture's size and converts them, for the rows from `first_row` on.
pub(super) struct Paint<'a> {
    pub(super) frame: &'a Frame,
    pub(super) planes: &'a Planes,
    pub(super) model: Model,
    pub(super) first_row: usize,
    pub(super) pixels: &'a mut [u8],
}

impl WithSimd for Paint<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let components = &self.frame.components;
        let mut stretched: Vec<Stretched> = components.iter().map(Stretched::new).collect();
        let rows = self.pixels.chunks_exact_mut(self.frame.width * 3);
        for (y, row) in (self.first_row..).zip(rows) {
            let mut rows: [&[u8]; 4] = [&[]; 4];
            let sources = components
                .iter()
                .zip(&self.planes.samples)
                .zip(&mut stretched);
            for (target, ((component, samples), stretched)) in rows.iter_mut().zip(sources) {
                *target = stretched.row(component, samples, y);
            }
            self.model.to_rgb(&rows[..components.len()], row);
        }
    }
}

use super::frame::{Component, Frame};
use super::idct::{self, inverse, inverse_flat};
use super::planes::Planes;
use super::scan::Scan;
use super::walk::Blocks;

/// Takes blocks out of entropy-coded data.
pub(super) trait BlockDecoder<E> {
    /// Adds what the data holds to the block of the scan's component `slot`. True if that is no
    /// more than its mean.
    fn decode(&mut self, entropy: &mut E, slot: usize, block: &mut [i16; 64]) -> bool;
    /// The data starts afresh.
    fn restart(&mut self);
}

/// All coefficients of a component, block by block, in rows of `wide` blocks.
pub(super) struct Coefficients {
    pub(super) blocks: Vec<[i16; 64]>,
    pub(super) wide: usize,
}

impl Coefficients {
    pub(super) fn new(component: &Component) -> Self {
        let wide = component.stride / 8;
        Self {
            blocks: vec![[0; 64]; wide * (component.rows / 8)],
            wide,
        }
    }
}

/// Collects the coefficients of a picture with several scans.
pub(super) struct ToCoefficients<'a, D> {
    scan: &'a Scan,
    decoder: D,
    components: &'a mut [Coefficients],
}

impl<'a, D> ToCoefficients<'a, D> {
    pub(super) fn new(scan: &'a Scan, decoder: D, components: &'a mut [Coefficients]) -> Self {
        Self {
            scan,
            decoder,
            components,
        }
    }
}

impl<E, D: BlockDecoder<E>> Blocks<E> for ToCoefficients<'_, D> {
    const KEEPS: bool = true;

    #[inline(always)]
    fn decode(&mut self, entropy: &mut E, slot: usize, x: usize, y: usize) {
        let coefficients = &mut self.components[self.scan.parts[slot].component];
        let block = &mut coefficients.blocks[y * coefficients.wide + x];
        self.decoder.decode(entropy, slot, block);
    }

    fn skip(&mut self, _slot: usize, _x: usize, _y: usize) {}

    #[cold]
    fn restart(&mut self) {
        self.decoder.restart();
    }
}

/// Turns the blocks of a picture with one scan into samples at once.
pub(super) struct ToSamples<'a, D> {
    decoder: D,
    planes: &'a mut Planes,
    parts: Vec<Part>,
}

struct Part {
    component: usize,
    quantization: [i16; 64],
    stride: usize,
}

impl<'a, D> ToSamples<'a, D> {
    pub(super) fn new(scan: &Scan, frame: &Frame, decoder: D, planes: &'a mut Planes) -> Self {
        let parts = scan.parts.iter().map(|part| Part {
            component: part.component,
            quantization: idct::factors(&planes.quantization[part.component].unwrap_or([0; 64])),
            stride: frame.components[part.component].stride,
        });
        let parts = parts.collect();
        Self {
            decoder,
            planes,
            parts,
        }
    }
}

impl<E, D: BlockDecoder<E>> Blocks<E> for ToSamples<'_, D> {
    const KEEPS: bool = false;

    #[inline(always)]
    fn decode(&mut self, entropy: &mut E, slot: usize, x: usize, y: usize) {
        let part = &self.parts[slot];
        let mut block = [0; 64];
        let flat = self.decoder.decode(entropy, slot, &mut block);
        let plane = &mut self.planes.samples[part.component];
        let target = &mut plane[y * 8 * part.stride + x * 8..];
        if flat {
            inverse_flat(block[0], part.quantization[0], target, part.stride);
        } else {
            inverse(&block, &part.quantization, target, part.stride);
        }
    }

    /// Grey, as libjpeg has it.
    #[cold]
    fn skip(&mut self, slot: usize, x: usize, y: usize) {
        let part = &self.parts[slot];
        let plane = &mut self.planes.samples[part.component];
        inverse_flat(0, 0, &mut plane[y * 8 * part.stride + x * 8..], part.stride);
    }

    fn restart(&mut self) {
        self.decoder.restart();
    }
}

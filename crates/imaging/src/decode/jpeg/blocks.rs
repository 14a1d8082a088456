use super::frame::Component;
use super::scan::Scan;
use super::walk::Blocks;

/// Takes blocks out of entropy-coded data.
pub(super) trait BlockDecoder<E> {
    /// Adds what the data holds to the block of the scan's component `slot`.
    fn decode(&mut self, entropy: &mut E, slot: usize, block: &mut [i16; 64]);
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

    /// Those in row `index` of minimum coded units.
    pub(super) fn band(&self, component: &Component, index: usize) -> &[[i16; 64]] {
        let count = component.band_blocks();
        &self.blocks[index * count..][..count]
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

    fn end_row(&mut self) {}

    #[cold]
    fn restart(&mut self) {
        self.decoder.restart();
    }
}

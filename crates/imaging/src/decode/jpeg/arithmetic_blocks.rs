//! The decisions that make up a block (sections F.1.4 and G.1.3 of the specification).

use super::arithmetic::Arithmetic;
use super::blocks::BlockDecoder;
use super::headers::Conditioning;
use super::scan::Scan;
use super::tables::ZIGZAG;

/// Arithmetic codes of whole blocks, or of what one scan adds to the coefficients.
pub(super) struct ArithmeticBlocks<'a> {
    scan: &'a Scan,
    progressive: bool,
    conditioning: &'a Conditioning,
    /// What is known of each decision's probability, by table.
    dc: [[u8; 64]; 16],
    ac: [[u8; 256]; 16],
    means: [i32; 4],
    /// Where the decisions about a mean begin, by the difference before it.
    contexts: [usize; 4],
}

/// The data made no sense.
struct Broken;

impl<'a> ArithmeticBlocks<'a> {
    pub(super) fn new(scan: &'a Scan, progressive: bool, conditioning: &'a Conditioning) -> Self {
        Self {
            scan,
            progressive,
            conditioning,
            dc: [[0; 64]; 16],
            ac: [[0; 256]; 16],
            means: [0; 4],
            contexts: [0; 4],
        }
    }

    fn mean(&mut self, coder: &mut Arithmetic<'_>, slot: usize) -> Result<i32, Broken> {
        let table = self.scan.parts[slot].dc;
        let bins = &mut self.dc[table];
        let bin = self.contexts[slot];
        if !coder.bit(&mut bins[bin]) {
            self.contexts[slot] = 0;
            return Ok(self.means[slot]);
        }
        let negative = coder.bit(&mut bins[bin + 1]);
        let mut bin = bin + 2 + usize::from(negative);
        let mut magnitude = 0;
        if coder.bit(&mut bins[bin]) {
            (magnitude, bin) = (1, 20);
            grow(coder, bins, &mut bin, &mut magnitude)?;
        }
        let [low, high] = self.conditioning.dc[table].map(|power| (1 << power) >> 1);
        self.contexts[slot] = match magnitude {
            _ if magnitude < low => 0,
            _ if magnitude > high => 12 + 4 * usize::from(negative),
            _ => 4 + 4 * usize::from(negative),
        };
        let difference = value(coder, &mut bins[bin + 14], magnitude, negative);
        self.means[slot] = (self.means[slot] + difference) & 0xffff;
        Ok(self.means[slot])
    }

    /// The coefficients `first..=last` of a block that has none of them yet.
    fn band(
        &mut self,
        coder: &mut Arithmetic<'_>,
        slot: usize,
        (first, last, shift): (usize, usize, u32),
        block: &mut [i16; 64],
    ) -> Result<(), Broken> {
        let table = self.scan.parts[slot].ac;
        let bins = &mut self.ac[table];
        let mut at = first;
        while at <= last {
            if coder.bit(&mut bins[3 * (at - 1)]) {
                break;
            }
            while !coder.bit(&mut bins[3 * (at - 1) + 1]) {
                at += 1;
                if at > last {
                    return Err(Broken);
                }
            }
            let negative = coder.even_bit();
            let mut bin = 3 * (at - 1) + 2;
            let mut magnitude = 0;
            if coder.bit(&mut bins[bin]) {
                magnitude = 1;
                if coder.bit(&mut bins[bin]) {
                    magnitude = 2;
                    let lower = at <= usize::from(self.conditioning.ac[table]);
                    bin = if lower { 189 } else { 217 };
                    grow(coder, bins, &mut bin, &mut magnitude)?;
                }
            }
            let value = value(coder, &mut bins[bin + 14], magnitude, negative);
            block[usize::from(ZIGZAG[at])] = (value << shift) as i16;
            at += 1;
        }
        Ok(())
    }

    /// One more bit for each coefficient that is known already, and new ones between them.
    fn refine_band(
        &mut self,
        coder: &mut Arithmetic<'_>,
        block: &mut [i16; 64],
    ) -> Result<(), Broken> {
        let Scan {
            first, last, shift, ..
        } = *self.scan;
        let bins = &mut self.ac[self.scan.parts[0].ac];
        let step = 1_i16 << shift;
        let known = (1..=last)
            .rev()
            .find(|&at| block[usize::from(ZIGZAG[at])] != 0)
            .unwrap_or(0);
        let mut at = first;
        while at <= last {
            if at > known && coder.bit(&mut bins[3 * (at - 1)]) {
                break;
            }
            loop {
                let coefficient = &mut block[usize::from(ZIGZAG[at])];
                if *coefficient != 0 {
                    if coder.bit(&mut bins[3 * (at - 1) + 2]) {
                        let step = if *coefficient < 0 { -step } else { step };
                        *coefficient = coefficient.wrapping_add(step);
                    }
                    break;
                }
                if coder.bit(&mut bins[3 * (at - 1) + 1]) {
                    *coefficient = if coder.even_bit() { -step } else { step };
                    break;
                }
                at += 1;
                if at > last {
                    return Err(Broken);
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn block(
        &mut self,
        coder: &mut Arithmetic<'_>,
        slot: usize,
        block: &mut [i16; 64],
    ) -> Result<(), Broken> {
        let Scan {
            first,
            last,
            refines,
            shift,
            ..
        } = *self.scan;
        match (self.progressive, first, refines) {
            (false, ..) => {
                block[0] = self.mean(coder, slot)? as i16;
                self.band(coder, slot, (1, 63, 0), block)
            }
            (_, 0, true) => {
                if coder.even_bit() {
                    block[0] |= 1 << shift;
                }
                Ok(())
            }
            (_, 0, false) => {
                block[0] = (self.mean(coder, slot)? << shift) as i16;
                Ok(())
            }
            (_, _, true) => self.refine_band(coder, block),
            (_, _, false) => self.band(coder, slot, (first, last, shift), block),
        }
    }
}

/// Doubles a magnitude for each decision that is true, each from a bin of its own.
fn grow(
    coder: &mut Arithmetic<'_>,
    bins: &mut [u8],
    bin: &mut usize,
    magnitude: &mut i32,
) -> Result<(), Broken> {
    while coder.bit(&mut bins[*bin]) {
        *magnitude *= 2;
        if *magnitude == 0x8000 {
            return Err(Broken);
        }
        *bin += 1;
    }
    Ok(())
}

/// The number whose highest bit is `magnitude`, plus one, with its sign.
fn value(coder: &mut Arithmetic<'_>, bin: &mut u8, magnitude: i32, negative: bool) -> i32 {
    let (mut value, mut bit) = (magnitude, magnitude >> 1);
    while bit > 0 {
        if coder.bit(bin) {
            value |= bit;
        }
        bit >>= 1;
    }
    if negative { -(value + 1) } else { value + 1 }
}

impl BlockDecoder<Arithmetic<'_>> for ArithmeticBlocks<'_> {
    fn decode(&mut self, coder: &mut Arithmetic<'_>, slot: usize, block: &mut [i16; 64]) {
        if !coder.broken {
            coder.broken = self.block(coder, slot, block).is_err();
        }
    }

    fn restart(&mut self) {
        *self = Self::new(self.scan, self.progressive, self.conditioning);
    }
}

#![expect(unsafe_code, reason = "unchecked reads in the innermost loop")]

use crate::conv2d::finish::Finish;
use crate::destination::Destination;
use crate::lanes::Lanes;
use crate::micro_kernel::Prefetch;
use crate::product::Product;
use crate::rows::{MAX_MR, Panel, Run, Sums, Tiles, by_rows, indirect_micro_kernel};

/// Some pixels by one panel, in one chunk of the depth.
pub(super) struct Block<'a> {
    /// Where each pixel's field begins in `words`.
    pub(super) starts: &'a [usize],
    pub(super) words: &'a [u32],
    pub(super) runs: &'a [Run],
    pub(super) weights: &'a [u32],
    /// The weights that are wanted next.
    pub(super) next: &'a [u32],
    pub(super) finish: &'a Finish,
    /// The panel's first channel.
    pub(super) channel: usize,
    /// How many channels are stored.
    pub(super) channels: usize,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
    /// What is added, and where it begins for each pixel.
    pub(super) residual: Option<(&'a [f32], &'a [usize])>,
    pub(super) to: Destination,
    pub(super) stride: usize,
}

impl Block<'_> {
    /// # Safety
    /// Every start must leave all runs inside `words`, the weights must be those of `V` vectors, and `to`
    /// must hold `channels` values at each multiple of `stride` below `starts.len() * stride`.
    #[inline(always)]
    pub(super) unsafe fn run<P: Product, const V: usize>(&self, product: P) {
        let tiles = Tiles::new(self.starts.len(), const { P::Lanes::INDIRECT_MR[V - 1] });
        let steps = self.weights.len() / (V * P::Lanes::COUNT);
        let prefetch = Prefetch::new(self.next, tiles.count, steps);
        let mut row = 0;
        for tile in 0..tiles.count {
            let height = tiles.height(tile);
            let mut pointers = [self.words.as_ptr(); MAX_MR];
            for (pointer, &start) in pointers.iter_mut().zip(&self.starts[row..row + height]) {
                *pointer = pointer.wrapping_add(start);
            }
            let panel = Panel {
                runs: self.runs,
                weights: self.weights.as_ptr(),
                prefetch: prefetch.share(tile),
            };
            // SAFETY: as the caller promises.
            unsafe {
                by_rows!(height, const { P::Lanes::INDIRECT_MR[V - 1] }, R => {
                    self.tile::<P, R, V>(product, row, &pointers, &panel);
                });
            }
            row += height;
        }
    }

    /// # Safety
    /// As for [`Block::run`].
    #[inline(always)]
    unsafe fn tile<P: Product, const R: usize, const V: usize>(
        &self,
        product: P,
        row: usize,
        pointers: &[*const u32; MAX_MR],
        panel: &Panel<'_>,
    ) {
        let lanes = product.lanes();
        let mut sums: Sums<P, R, V> = [[lanes.splat(0.0); V]; R];
        for v in 0..V {
            let channel = self.channel + v * P::Lanes::COUNT;
            if self.is_first {
                let bias = self.finish.bias(lanes, channel);
                for sums in &mut sums {
                    sums[v] = bias;
                }
            } else if channel < self.channels {
                for (r, sums) in sums.iter_mut().enumerate() {
                    let at = self.to.at((row + r) * self.stride + channel);
                    // SAFETY: this tile has been written in the first chunk, and is within the output.
                    sums[v] = unsafe { lanes.load_up_to(at, self.channels - channel) };
                }
            }
        }
        // It mostly lies in memory, from where it comes while the sums are made.
        if self.is_last
            && let Some((residual, starts)) = self.residual
        {
            for start in &starts[row..row + R] {
                for v in 0..V {
                    let channel = self.channel + v * P::Lanes::COUNT;
                    lanes.prefetch(residual.as_ptr().wrapping_add(start + channel).cast());
                }
            }
        }
        // SAFETY: as the caller promises.
        let sums = unsafe { indirect_micro_kernel::<P, R, V>(product, pointers, panel, sums) };
        for v in 0..V {
            let channel = self.channel + v * P::Lanes::COUNT;
            if channel >= self.channels {
                continue;
            }
            let count = (self.channels - channel).min(P::Lanes::COUNT);
            for (r, sums) in sums.iter().enumerate() {
                let at = (row + r) * self.stride + channel;
                let mut value = sums[v];
                if !self.is_last {
                    // SAFETY: `to` holds `channels` values at every multiple of `stride`, as the caller promises.
                    unsafe { lanes.store_up_to(self.to.at(at), value, count) };
                    continue;
                }
                if let Some((residual, starts)) = self.residual {
                    let residual = &residual[starts[row + r] + channel..][..count];
                    // SAFETY: the slice was cut to the number of values that are read.
                    let residual = unsafe { lanes.load_up_to(residual.as_ptr(), count) };
                    value = lanes.add(value, residual);
                }
                value = self.finish.rectify(lanes, value, channel);
                // SAFETY: as above; channels of a vector begin at a multiple of its length.
                unsafe { self.to.store_up_to(lanes, at, value, count) };
            }
        }
    }
}

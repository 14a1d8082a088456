//! Crops of an image, resampled to a network's size and put through it in batches.

use imaging::RgbImage;
use kernels::{Isa, Region};
use rayon::prelude::*;

use super::boxes::pixels;
use super::resample;
use crate::interrupt::{Interrupt, Interrupted};
use crate::tensor::Tensor;

/// Most crops in one batch: so many stay in a core's cache.
const BATCH: usize = 16;

/// A box, and what a network answers of the pixels in it.
pub(super) type Answered<const N: usize> = ([f32; 4], [f32; N]);

/// Puts the pixels of each box, resampled to `side`×`side`, through `network`, which answers `N` numbers for each.
/// Boxes without a pixel in the image are left out; the others keep their order.
pub(super) fn map<const N: usize>(
    isa: Isa,
    image: &RgbImage,
    boxes: &[[f32; 4]],
    side: usize,
    interrupt: Interrupt<'_>,
    network: impl Fn(&Tensor) -> Tensor + Sync,
) -> Result<Vec<Answered<N>>, Interrupted> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let inside: Vec<([f32; 4], Region)> = boxes
        .iter()
        .filter_map(|&bbox| pixels(bbox, width, height).map(|(x, y)| (bbox, Region { x, y })))
        .collect();
    // Small enough that every thread gets a few.
    let a_few = inside.len().div_ceil(4 * rayon::current_num_threads());
    let most = a_few.clamp(1, BATCH);
    let batches: Vec<Vec<[f32; N]>> = inside
        .par_chunks(most)
        .with_max_len(1)
        .map(|batch| {
            let mut crops = Vec::with_capacity(batch.len() * side * side * 3);
            for (_, region) in batch {
                // Each may be as large as the image.
                interrupt.check()?;
                resample(isa, image, region.clone(), (side, side)).rows(0..side, &mut crops);
            }
            interrupt.check()?;
            let answers = network(&Tensor::new(crops, &[batch.len(), side, side, 3]));
            Ok(answers.values().as_chunks::<N>().0.to_vec())
        })
        .collect::<Result<_, Interrupted>>()?;
    Ok(inside
        .into_iter()
        .map(|(bbox, _)| bbox)
        .zip(batches.into_iter().flatten())
        .collect())
}

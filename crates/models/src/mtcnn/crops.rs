//! Crops of an image, resampled to a network's size and put through it in batches.

use candle_core::{Device, Tensor};
use imaging::RgbImage;
use kernels::Region;
use rayon::prelude::*;

use super::boxes::pixels;
use super::resample;
use crate::error::PassError;
use crate::interrupt::Interrupt;
use crate::layers::prefers_pieces;

/// Most crops in one batch, as upstream.
const BATCH: usize = 512;
/// Most crops in one batch that stays in a core's cache.
const PIECE: usize = 16;

/// A box, and what a network answers of the pixels in it.
pub(super) type Answered<const N: usize> = ([f32; 4], [f32; N]);

/// Puts the pixels of each box, resampled to `side`×`side`, through `network`, which answers `N` numbers for each.
/// Boxes without a pixel in the image are left out; the others keep their order.
pub(super) fn map<const N: usize>(
    image: &RgbImage,
    boxes: &[[f32; 4]],
    side: usize,
    device: &Device,
    interrupt: Interrupt<'_>,
    network: impl Fn(&Tensor) -> candle_core::Result<Tensor> + Sync,
) -> Result<Vec<Answered<N>>, PassError> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let inside: Vec<([f32; 4], Region)> = boxes
        .iter()
        .filter_map(|&bbox| pixels(bbox, width, height).map(|(x, y)| (bbox, Region { x, y })))
        .collect();
    let most = if prefers_pieces(device) {
        // Small enough that every thread gets a few.
        inside
            .len()
            .div_ceil(4 * rayon::current_num_threads())
            .clamp(1, PIECE)
    } else {
        BATCH
    };
    let batches: Vec<Vec<[f32; N]>> = inside
        .par_chunks(most)
        .with_max_len(1)
        .map(|batch| {
            let mut crops = Vec::with_capacity(batch.len() * side * side * 3);
            for (_, region) in batch {
                // Each may be as large as the image.
                interrupt.check()?;
                resample(image, region.clone(), (side, side)).rows(0..side, &mut crops);
            }
            interrupt.check()?;
            let crops = Tensor::from_vec(crops, (batch.len(), side, side, 3), device)?;
            let answers: Vec<f32> = network(&crops)?.flatten_all()?.to_vec1()?;
            Ok(answers.as_chunks::<N>().0.to_vec())
        })
        .collect::<Result<_, PassError>>()?;
    Ok(inside
        .into_iter()
        .map(|(bbox, _)| bbox)
        .zip(batches.into_iter().flatten())
        .collect())
}

use std::fmt::Debug;

use thiserror::Error;

use crate::interrupt::{Interrupt, Interrupted};
use crate::preprocess::{Pixels, Recipe};
use crate::tensor::Tensor;

/// A model that turns an image into a vector.
pub trait ImageEncoder: Send + Sync + Debug {
    /// How an image becomes the pixels that this model takes.
    fn recipe(&self) -> Recipe;

    /// Length of a vector.
    fn dims(&self) -> usize;

    /// One vector of [`dims`](Self::dims) numbers for each of `images`, in their order, not normalised. All images go
    /// through the model together; a vector does not depend on what else is in the batch.
    ///
    /// # Errors
    /// When pixels were made by another recipe's side, or `interrupt` says so.
    fn encode(
        &self,
        images: &[&Pixels],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError>;
}

/// An encoder cannot make vectors of the pixels it was given.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The pixels were made for another model.
    #[error("pixels of {found}x{found} for a model that takes {expected}x{expected}")]
    WrongSide {
        /// Side that the model takes.
        expected: usize,
        /// Side of the pixels.
        found: usize,
    },
    /// The caller's [`Interrupt`] said so.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// `images`, each `side` by `side`, as one `[batch, side, side, 3]`.
pub(crate) fn batch(images: &[&Pixels], side: usize) -> Result<Tensor, EncodeError> {
    let mut values = Vec::with_capacity(images.len() * side * side * 3);
    for pixels in images {
        if pixels.side() != side {
            let (expected, found) = (side, pixels.side());
            return Err(EncodeError::WrongSide { expected, found });
        }
        values.extend_from_slice(pixels.values());
    }
    Ok(Tensor::new(values, &[images.len(), side, side, 3]))
}

/// The rows of `[batch, dims]`.
pub(crate) fn vectors(rows: &Tensor) -> Vec<Vec<f32>> {
    let [_, dims] = rows.dims();
    rows.values()
        .chunks_exact(dims)
        .map(<[f32]>::to_vec)
        .collect()
}

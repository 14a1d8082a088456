//! Architectures: one room per upstream model.
//!
//! A model is defined once, on candle tensors. `layers` is the one place that chooses by device: on a CPU a layer runs
//! this project's own kernels, elsewhere candle's operations.

mod error;
mod layers;
pub mod mtcnn;

pub use error::{DetectError, LoadError};

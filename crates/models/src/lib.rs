//! Architectures: one room per upstream model.
//!
//! A model is defined once, on tensors. `layers` is the one place that knows where their numbers lie and with which precision
//! they are multiplied.

pub mod blip;
pub mod clip;
mod detection;
pub mod dinov2;
mod error;
pub mod faster_rcnn;
#[cfg(test)]
mod goldens;
mod image_captioner;
mod image_encoder;
mod interrupt;
mod layers;
pub mod logistic;
pub mod mtcnn;
mod placement;
mod preprocess;
mod tensor;
mod vit;

pub use error::{DetectError, LoadError};
pub use image_captioner::{
    CaptionError, CaptionOptions, CaptionWriter, EndedCaption, ImageCaptioner, PromptError,
};
pub use image_encoder::{EncodeError, ImageEncoder};
pub use interrupt::{Interrupt, Interrupted};
pub use kernels::{Isa, Precision, at_every_task};
pub use placement::Placement;
pub use preprocess::{Pixels, PreprocessError, Recipe};
pub use tensor::Tensor;

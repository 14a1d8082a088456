use std::fmt::Debug;

use thiserror::Error;

use crate::error::PassError;
use crate::image_encoder::EncodeError;
use crate::interrupt::{Interrupt, Interrupted};
use crate::preprocess::Pixels;

/// A model that describes an image in words.
pub trait ImageCaptioner: Send + Sync + Debug {
    /// One text for each of `captions`, in their order: the index of an image, and how its caption is wanted. All images
    /// go through the model together and all texts are written together; none depends on what else is asked.
    ///
    /// # Errors
    /// When pixels were made by another recipe's side, the device fails, the model answers with NaN or infinity, or
    /// `interrupt` says so. A caption
    /// whose prompt cannot be used is an error of its own, and the others are written.
    ///
    /// # Panics
    /// When an index is beyond `images`, or a caption is wanted with no beam.
    fn caption(
        &self,
        images: &[&Pixels],
        captions: &[(usize, &CaptionOptions)],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Result<String, PromptError>>, CaptionError>;
}

/// How a caption is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaptionOptions {
    /// Most tokens, those of the prompt, the start and the end included.
    pub max_length: usize,
    /// Texts that are followed at a time; 1 takes the likeliest token each time.
    pub num_beams: usize,
    /// What the caption begins with.
    pub prompt: Option<String>,
}

/// A caption cannot begin as it should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PromptError {
    /// The prompt leaves no room for a caption.
    #[error("a prompt of {tokens} tokens leaves no room in a max_length of {max_length}")]
    TooLong {
        /// Tokens of the prompt, the start included.
        tokens: usize,
        /// Most tokens of the caption.
        max_length: usize,
    },
    /// The checkpoint's tokenizer refuses it.
    #[error("the prompt cannot be turned into tokens")]
    Unreadable,
}

/// A captioner cannot describe what it was given.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptionError {
    /// The pixels do not fit, or the device failed.
    #[error(transparent)]
    Image(EncodeError),
    /// The scores of what comes next were no finite numbers.
    #[error("the network gave scores that are no numbers")]
    NotFinite,
    /// The checkpoint's tokenizer has no words for what the network wrote.
    #[error("the network's tokens cannot be turned into text")]
    Undecodable,
    /// The caller's [`Interrupt`] said so.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<EncodeError> for CaptionError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Interrupted(error) => Self::Interrupted(error),
            error => Self::Image(error),
        }
    }
}

impl From<PassError> for CaptionError {
    fn from(error: PassError) -> Self {
        EncodeError::from(error).into()
    }
}

impl From<candle_core::Error> for CaptionError {
    fn from(error: candle_core::Error) -> Self {
        Self::Image(EncodeError::Device(error))
    }
}

use std::fmt::Debug;

use thiserror::Error;

use crate::image_encoder::EncodeError;
use crate::interrupt::{Interrupt, Interrupted};
use crate::preprocess::Pixels;

/// A model that describes an image in words.
pub trait ImageCaptioner: Send + Sync + Debug {
    /// Most bytes of keys and values that a writer keeps for an image that it has looked at.
    fn image_bytes(&self) -> usize;

    /// Most bytes of keys and values that a writer may come to keep for a text: those of its prompt, and of each beam up to
    /// `max_length`.
    ///
    /// # Errors
    /// When the prompt cannot be used.
    fn text_bytes(&self, options: &CaptionOptions) -> Result<usize, PromptError>;

    /// A place to write texts in; nothing is written yet.
    fn writer(&self) -> Box<dyn CaptionWriter + '_>;

    /// One text for each of `captions`, in their order: the index of an image, and how its caption is wanted. All are written
    /// together; none depends on what else is asked.
    ///
    /// # Errors
    /// When pixels were made by another recipe's side, the model answers with NaN or infinity, or `interrupt` says so. A caption whose prompt cannot be used is an error of its own, and the others are written.
    ///
    /// # Panics
    /// When an index is beyond `images`, or a caption is wanted with no beam.
    fn caption(
        &self,
        images: &[&Pixels],
        captions: &[(usize, &CaptionOptions)],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Result<String, PromptError>>, CaptionError> {
        let mut writer = self.writer();
        let mut seen = vec![false; images.len()];
        let mut texts = Vec::with_capacity(captions.len());
        for (key, &(index, options)) in (0..).zip(captions) {
            let image = index as u64;
            let begun = match self.text_bytes(options) {
                Ok(_) => {
                    if !std::mem::replace(&mut seen[index], true) {
                        writer.look(image, images[index], interrupt)?;
                    }
                    writer.begin(key, image, options)
                }
                Err(refused) => Err(refused),
            };
            texts.push(begun.map(|()| String::new()));
        }
        while !writer.is_empty() {
            for (key, text) in writer.step(interrupt)? {
                texts[key as usize] = Ok(text?);
            }
        }
        Ok(texts)
    }
}

/// Texts that are being written, step by step: they may come and go at any step, and none depends on the others.
///
/// Images and texts have keys, which are the caller's to choose. After a panic a writer is of no use.
pub trait CaptionWriter: Send + Debug {
    /// Looks at an image, and keeps under `key` what texts about it need, in place of what there was.
    ///
    /// # Errors
    /// When the pixels were made by another recipe's side, or `interrupt` says so.
    fn look(
        &mut self,
        key: u64,
        image: &Pixels,
        interrupt: Interrupt<'_>,
    ) -> Result<(), CaptionError>;

    /// Forgets an image, if there is one. Texts about it that have begun are written on, and its memory goes with the last of
    /// them.
    fn forget(&mut self, image: u64);

    /// Begins a text about an image.
    ///
    /// # Errors
    /// When the prompt cannot be used.
    ///
    /// # Panics
    /// When the image has not been looked at, a text of this key is being written, or it is wanted with no beam.
    fn begin(&mut self, key: u64, image: u64, options: &CaptionOptions) -> Result<(), PromptError>;

    /// Leaves a text unfinished, if it is being written; its memory is free for others.
    fn give_up(&mut self, key: u64);

    /// Takes a pass through the network with what is being written, or with a part of it where a pass would take long: whoever
    /// waited longest comes first. Answers the texts that ended. Trouble with a text is its own.
    ///
    /// # Errors
    /// When `interrupt` says so. Nothing is lost then: all texts are where they were.
    fn step(&mut self, interrupt: Interrupt<'_>) -> Result<Vec<EndedCaption>, CaptionError>;

    /// Whether no text is being written.
    fn is_empty(&self) -> bool;

    /// Bytes of keys and values that are kept. While no more texts are begun at a time than [`ImageCaptioner::text_bytes`]
    /// finds room for, it is never more than that room and [`ImageCaptioner::image_bytes`] for each image.
    fn bytes(&self) -> usize;
}

/// A text that ended, by its key.
pub type EndedCaption = (u64, Result<String, CaptionError>);

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
    /// The pixels do not fit.
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

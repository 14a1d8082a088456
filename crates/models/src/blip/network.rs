use std::sync::Arc;

use weights::Checkpoint;

use super::config::Config;
use super::text_decoder::{ImageContext, TextDecoder, Token};
use super::vision;
use super::writer::{Wish, Writer};
use crate::image_encoder::{EncodeError, batch};
use crate::interrupt::{Interrupt, Interrupted};
use crate::preprocess::Pixels;
use crate::tensor::Tensor;
use crate::vit::Vit;
use crate::{LoadError, Placement};

/// The network of any size.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) vision: Vit,
    pub(super) decoder: TextDecoder,
    pub(super) side: usize,
    image_tokens: usize,
}

impl Network {
    pub(super) fn load(
        checkpoint: &Checkpoint,
        config: &Config,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let Config {
            text_config: text,
            vision_config: vision,
            ..
        } = config;
        let root = checkpoint.root();
        let network = Self {
            vision: vision::load(&root.pp("vision_model"), vision, placement)?,
            decoder: TextDecoder::load(
                &root.pp("text_decoder"),
                text,
                vision.hidden_size,
                placement,
            )?,
            side: vision.image_size,
            image_tokens: vision.tokens(),
        };
        checkpoint.finish()?;
        Ok(network)
    }

    /// For each of `wishes`, the index of an image and how it is described, the tokens up to `end`; None where scores are no
    /// numbers.
    pub(super) fn write(
        &self,
        contexts: Vec<ImageContext>,
        wishes: impl Iterator<Item = (usize, Wish)>,
        end: u32,
    ) -> Result<Vec<Option<Vec<u32>>>, Interrupted> {
        let contexts: Vec<_> = contexts.into_iter().map(Arc::new).collect();
        let mut writer = Writer::new(&self.decoder, end);
        let mut texts = Vec::new();
        for (image, wish) in wishes {
            writer.begin(texts.len() as u64, Arc::clone(&contexts[image]), wish);
            texts.push(None);
        }
        while !writer.is_empty() {
            for (key, tokens) in writer.step(Interrupt::NEVER)? {
                texts[key as usize] = tokens;
            }
        }
        Ok(texts)
    }

    /// For each image of a batch, and after each of `tokens`, scores for what follows it: `[batch, tokens, vocab]`.
    pub(super) fn scores(&self, pixels: &Tensor, tokens: &[u32]) -> Result<Vec<f32>, Interrupted> {
        let contexts = self.look_at(pixels, Interrupt::NEVER)?;
        let runs: Vec<_> = contexts.iter().map(|it| (it, tokens.len())).collect();
        let mut memory = self.decoder.memory();
        let mut all = Vec::new();
        for _ in &contexts {
            let mut text = Vec::new();
            for (position, &id) in tokens.iter().enumerate() {
                text.push(memory.take());
                let text = text.clone();
                all.push(Token { id, position, text });
            }
        }
        let every: Vec<_> = (0..all.len() as u32).collect();
        self.decoder
            .read(&mut memory, &runs, &all, &every, Interrupt::NEVER)
    }

    /// Bytes of what the decoder needs of an image, or a little more.
    pub(super) fn image_bytes(&self) -> usize {
        self.decoder.image_bytes(self.image_tokens)
    }

    /// What the decoder needs of each of `images`.
    pub(super) fn look(
        &self,
        images: &[&Pixels],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<ImageContext>, EncodeError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels = batch(images, self.side)?;
        Ok(self.look_at(&pixels, interrupt)?)
    }

    /// What the decoder needs of each image of a batch, `[batch, side, side, 3]`.
    pub(super) fn look_at(
        &self,
        pixels: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<ImageContext>, Interrupted> {
        let tokens = self.vision.tokens(pixels, interrupt)?; // [batch, tokens, width]
        let [images, count, width] = tokens.dims();
        let of_image = |image| tokens.narrow(0, image, 1).reshape(&[count, width]);
        (0..images)
            .map(|image| self.decoder.look_at(&of_image(image), interrupt))
            .collect()
    }
}

//! BLIP: an image to a sentence that describes it.
//!
//! Paper: Li et al., "BLIP: Bootstrapping Language-Image Pre-training for Unified Vision-Language Understanding and
//! Generation", 2022. Upstream: transformers 5.24, `BlipForConditionalGeneration` in `models/blip/`. Weights, settings and
//! vocabulary: the Hub's `Salesforce/blip-image-captioning-large` and `-base`.
//! Deviations: none in the tokens. The text is cleaned up as transformers did it up to version 4 and does it with
//! `clean_up_tokenization_spaces=True`.

mod beam_search;
mod caption_writer;
mod config;
mod network;
#[cfg(test)]
mod tests;
mod text_decoder;
mod tokenizer;
mod variant;
mod vision;
mod writer;

use std::path::Path;

use weights::Checkpoint;

use crate::image_captioner::{
    CaptionError, CaptionOptions, CaptionWriter, ImageCaptioner, PromptError,
};
use crate::image_encoder::batch;
use crate::interrupt::Interrupt;
use crate::preprocess::{Pixels, Recipe};
use crate::{LoadError, Placement};
use caption_writer::BlipWriter;
use config::Config;
use network::Network;
use tokenizer::Tokenizer;
pub use variant::{UnknownVariant, Variant};
use writer::Wish;

/// How it wants its image.
pub const RECIPE: Recipe = Recipe::blip(384);

/// Most tokens of a caption that any variant can write, the start and the end included.
pub const MAX_LENGTH: usize = 512;

/// A BLIP that writes captions, of either size.
#[derive(Debug)]
pub struct Blip {
    network: Network,
    tokenizer: Tokenizer,
    /// The token that ends a caption.
    end: u32,
    vision_gflop: f64,
}

impl Blip {
    /// Reads it from its weights file and the `config.json` and `tokenizer.json` that belong to it.
    ///
    /// # Errors
    /// When a file cannot be read, the settings are of another kind of network, or the weights file has other tensors than the
    /// settings ask for.
    pub fn load(
        config_file: &Path,
        tokenizer_file: &Path,
        checkpoint: &Checkpoint,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let config = Config::load(config_file)?;
        for (name, found, expected) in [
            (
                "vision_config.image_size",
                config.vision_config.image_size,
                RECIPE.side(),
            ),
            (
                "text_config.max_position_embeddings",
                config.text_config.max_position_embeddings,
                MAX_LENGTH,
            ),
        ] {
            if found != expected {
                let reason = format!("{name} is {found}, expected {expected}");
                return Err(LoadError::of_file(config_file)(reason));
            }
        }
        let text = &config.text_config;
        Ok(Self {
            tokenizer: Tokenizer::load(tokenizer_file, text.vocab_size, text.bos_token_id)?,
            network: Network::load(checkpoint, &config, placement)?,
            end: text.sep_token_id,
            vision_gflop: config.vision_config.gflop(),
        })
    }
}

impl ImageCaptioner for Blip {
    fn image_bytes(&self) -> usize {
        self.network.image_bytes()
    }

    fn text_bytes(&self, options: &CaptionOptions) -> Result<usize, PromptError> {
        Ok(self.wish(options)?.rows() * self.network.decoder.row_bytes())
    }

    fn writer(&self) -> Box<dyn CaptionWriter + '_> {
        Box::new(BlipWriter::new(self))
    }
}

impl Blip {
    /// All that the vision tower says of `images`: `[images, tokens, width]`. For comparisons and benchmarks.
    ///
    /// # Errors
    /// When pixels were made by another recipe.
    pub fn look(&self, images: &[&Pixels]) -> Result<Vec<f32>, CaptionError> {
        let network = &self.network;
        let pixels = batch(images, network.side)?;
        Ok(network.vision.tokens(&pixels, Interrupt::NEVER)?.into_vec())
    }

    /// The tokens of captions that go on to `length`, as upstream's `min_length` has it, an end being a token like others. For
    /// benchmarks: how long a caption gets depends on the image.
    ///
    /// # Errors
    /// As [`ImageCaptioner::caption`].
    pub fn write_on(
        &self,
        images: &[&Pixels],
        num_beams: usize,
        length: usize,
    ) -> Result<Vec<Vec<u32>>, CaptionError> {
        let wish = Wish {
            prompt: self.tokenizer.start(),
            beams: num_beams,
            max_length: length.min(MAX_LENGTH),
        };
        let contexts = self.network.look(images, Interrupt::NEVER)?;
        let wishes = (0..images.len()).map(|image| (image, wish.clone()));
        let texts = self.network.write(contexts, wishes, u32::MAX)?.into_iter();
        texts
            .map(|tokens| tokens.ok_or(CaptionError::NotFinite))
            .collect()
    }

    /// What the decoder thinks of every token as the next one, after each of `tokens`: for each a score for all of the
    /// vocabulary. For comparisons.
    ///
    /// # Errors
    /// When pixels were made by another recipe.
    pub fn scores(&self, image: &Pixels, tokens: &[u32]) -> Result<Vec<Vec<f32>>, CaptionError> {
        let network = &self.network;
        let pixels = batch(&[image], network.side)?;
        let scores = network.scores(&pixels, tokens)?;
        let each = scores.chunks(scores.len() / tokens.len().max(1));
        Ok(each.map(<[f32]>::to_vec).collect())
    }

    /// Billions of floating-point operations that upstream's vision tower takes for an image, two a multiply-add.
    #[must_use]
    pub fn vision_gflop(&self) -> f64 {
        self.vision_gflop
    }

    fn wish(&self, options: &CaptionOptions) -> Result<Wish, PromptError> {
        let max_length = options.max_length.min(MAX_LENGTH);
        let prompt = self.tokenizer.prompt(options.prompt.as_deref());
        let prompt = prompt.ok_or(PromptError::Unreadable)?;
        if options.prompt.is_some() && prompt.len() >= max_length {
            let tokens = prompt.len();
            return Err(PromptError::TooLong { tokens, max_length });
        }
        Ok(Wish {
            prompt,
            beams: options.num_beams,
            max_length,
        })
    }
}

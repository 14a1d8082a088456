use std::collections::HashMap;
use std::sync::Arc;

use super::Blip;
use super::text_decoder::ImageContext;
use super::writer::Writer;
use crate::image_captioner::{
    CaptionError, CaptionOptions, CaptionWriter, EndedCaption, PromptError,
};
use crate::interrupt::Interrupt;
use crate::preprocess::Pixels;

/// Where a BLIP writes its captions.
#[derive(Debug)]
pub(super) struct BlipWriter<'a> {
    blip: &'a Blip,
    /// What the decoder needs of the images that texts can begin about. Each text holds its own, so that it can be written to
    /// its end whatever is forgotten meanwhile.
    images: HashMap<u64, Arc<ImageContext>>,
    texts: Writer<'a>,
}

impl<'a> BlipWriter<'a> {
    pub(super) fn new(blip: &'a Blip) -> Self {
        Self {
            blip,
            images: HashMap::new(),
            texts: Writer::new(&blip.network.decoder, blip.end),
        }
    }
}

impl CaptionWriter for BlipWriter<'_> {
    fn look(
        &mut self,
        key: u64,
        image: &Pixels,
        interrupt: Interrupt<'_>,
    ) -> Result<(), CaptionError> {
        for context in self.blip.network.look(&[image], interrupt)? {
            self.images.insert(key, Arc::new(context));
        }
        Ok(())
    }

    fn forget(&mut self, image: u64) {
        self.images.remove(&image);
    }

    fn begin(&mut self, key: u64, image: u64, options: &CaptionOptions) -> Result<(), PromptError> {
        let Some(context) = self.images.get(&image) else {
            panic!("image {image} has not been looked at");
        };
        let wish = self.blip.wish(options)?;
        self.texts.begin(key, Arc::clone(context), wish);
        Ok(())
    }

    fn give_up(&mut self, key: u64) {
        self.texts.give_up(key);
    }

    fn step(&mut self, interrupt: Interrupt<'_>) -> Result<Vec<EndedCaption>, CaptionError> {
        let ended = self.texts.step(interrupt)?.into_iter();
        let ended = ended.map(|(key, tokens)| {
            let text = tokens.ok_or(CaptionError::NotFinite).and_then(|tokens| {
                let text = self.blip.tokenizer.text(&tokens);
                text.ok_or(CaptionError::Undecodable)
            });
            (key, text)
        });
        Ok(ended.collect())
    }

    fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    fn bytes(&self) -> usize {
        let images = self.images.values().chain(self.texts.images());
        let mut images: Vec<_> = images.map(Arc::as_ptr).collect();
        images.sort_unstable();
        images.dedup();
        self.texts.bytes() + images.len() * self.blip.network.image_bytes()
    }
}

//! Texts, which many requests write together: each pass of the decoder reads all of its weights, whatever the number of texts.

use std::collections::HashMap;
use std::sync::Arc;

use models::{CaptionWriter, ImageCaptioner, Interrupt, Pixels};

use super::Runner;
use super::batch::{fail, failed, guarded, wrong_input};
use super::queue::{Entry, Queue};
use crate::model::Model;
use crate::network::{Input, ModelError, Output};

/// Most images that are looked at in a row, before texts are written on. More would keep the first waiting for little: with eight
/// texts the decoder's share of a caption is already a thirtieth.
const IMAGES: usize = 8;
/// Beams that are followed at a time: a pass of the decoder takes no more.
const BEAMS: usize = 64;
/// Newcomers wait until all texts that are being written have ended, as looking at an image takes as long as a hundred tokens; but
/// no longer than this many passes.
const PASSES_BEFORE_JOINING: usize = 64;

/// The texts that are being written, and the images that they are about.
struct Desk<'a> {
    runner: &'a Runner,
    model: Model,
    captioner: &'a dyn ImageCaptioner,
    writer: Box<dyn CaptionWriter + 'a>,
    texts: HashMap<u64, Text>,
    images: Vec<Image>,
    /// The next text's or image's key.
    next: u64,
    /// Bytes of keys and values that there may be.
    budget: usize,
    /// Of all texts that have ended.
    units: u64,
}

struct Text {
    entry: Entry,
    image: u64,
    beams: usize,
    bytes: usize,
}

/// An image that texts are about. Requests about the same picture share its pixels, so these are its name.
struct Image {
    key: u64,
    pixels: Arc<Pixels>,
}

/// Writes all texts that are queued, and those that come meanwhile, until there are none. Returns the units of those that ended.
pub(super) fn write(runner: &Runner, captioner: &dyn ImageCaptioner, first: Vec<Entry>) -> u64 {
    let mut desk = Desk {
        runner,
        model: runner.model,
        captioner,
        writer: captioner.writer(),
        texts: HashMap::new(),
        images: Vec::new(),
        next: 0,
        budget: runner.settings.caption_bytes,
        units: 0,
    };
    for entry in first {
        desk.add(entry);
    }
    desk.add_more(&runner.queue);
    let mut passes = 0;
    while !desk.texts.is_empty() {
        desk.drop_abandoned();
        if passes == PASSES_BEFORE_JOINING {
            passes = 0;
            desk.add_more(&runner.queue);
        }
        desk.pass();
        passes += 1;
    }
    desk.units
}

impl Desk<'_> {
    /// Takes up what is queued, first come first served, while there is room.
    fn add_more(&mut self, queue: &Queue) {
        let before = self.images.len();
        while self.images.len() < before.max(1) + IMAGES - 1 {
            let Some(entry) = queue.next_if(|input| self.has_room(input)) else {
                return;
            };
            self.add(entry);
        }
    }

    /// Whether there is room for a text; where nothing is being written there always is.
    fn has_room(&self, input: &Input) -> bool {
        let Input::Caption(pixels, options) = input else {
            return true;
        };
        let texts = self.texts.values();
        let (beams, bytes) = texts.fold((0, 0), |(beams, bytes), text| {
            (beams + text.beams, bytes + text.bytes)
        });
        let images = self.images.len() + usize::from(self.image(pixels).is_none());
        let needed = self.captioner.text_bytes(options).unwrap_or_default();
        let all = bytes + needed + images * self.captioner.image_bytes();
        self.texts.is_empty() || (beams + options.num_beams <= BEAMS && all <= self.budget)
    }

    fn image(&self, pixels: &Arc<Pixels>) -> Option<u64> {
        let mut images = self.images.iter();
        let image = images.find(|image| Arc::ptr_eq(&image.pixels, pixels))?;
        Some(image.key)
    }

    /// Looks at the text's image, unless another text is about it, and begins the text.
    fn add(&mut self, mut entry: Entry) {
        self.runner.begin(&mut entry);
        let begun = guarded(std::slice::from_ref(&entry), || {
            let Input::Caption(pixels, options) = &entry.input else {
                return Err(wrong_input(self.model));
            };
            let bytes = self.captioner.text_bytes(options)?;
            let image = match self.image(pixels) {
                Some(image) => image,
                None => self.look(pixels, &entry)?,
            };
            self.next += 1;
            self.writer.begin(self.next, image, options)?;
            Ok((self.next, image, options.num_beams, bytes))
        });
        match begun {
            Ok((key, image, beams, bytes)) => {
                let text = Text {
                    entry,
                    image,
                    beams,
                    bytes,
                };
                self.texts.insert(key, text);
            }
            Err(error) => {
                entry.answer(Err(error));
                self.forget_images();
            }
        }
    }

    fn look(&mut self, pixels: &Arc<Pixels>, entry: &Entry) -> Result<u64, ModelError> {
        self.next += 1;
        let key = self.next;
        let abandoned = || entry.is_abandoned();
        let looked = self.writer.look(key, pixels, Interrupt::new(&abandoned));
        looked.map_err(|error| failed(self.model, error))?;
        let pixels = Arc::clone(pixels);
        self.images.push(Image { key, pixels });
        Ok(key)
    }

    /// One token more of each text.
    fn pass(&mut self) {
        let (model, texts) = (self.model, &self.texts);
        let abandoned = || texts.values().all(|text| text.entry.is_abandoned());
        let writer = &mut self.writer;
        let entries = texts.values().next().map(|text| &text.entry);
        let done = guarded(entries.map_or(&[], std::slice::from_ref), || {
            let done = writer.step(Interrupt::new(&abandoned));
            done.map_err(|error| failed(model, error))
        });
        match done {
            Ok(done) => {
                for (key, text) in done {
                    if let Some(Text { entry, .. }) = self.texts.remove(&key) {
                        self.units += entry.input.units();
                        let text = text.map_err(|error| failed(model, error));
                        entry.answer(text.map(Output::Text));
                    }
                }
                self.forget_images();
            }
            Err(error) => {
                // All texts fail with it, and after a panic a writer is of no use: the next text gets a new one.
                self.writer = self.captioner.writer();
                self.images.clear();
                fail(self.texts.drain().map(|(_, text)| text.entry), &error);
            }
        }
    }

    fn drop_abandoned(&mut self) {
        let texts = self.texts.iter();
        let gone = texts.filter(|(_, text)| text.entry.is_abandoned());
        let gone: Vec<u64> = gone.map(|(key, _)| *key).collect();
        for key in gone {
            self.texts.remove(&key);
            self.writer.give_up(key);
        }
        self.forget_images();
    }

    /// Gives up the images that no text is about any longer.
    fn forget_images(&mut self) {
        let (texts, writer) = (&self.texts, &mut self.writer);
        self.images.retain(|image| {
            let wanted = texts.values().any(|text| text.image == image.key);
            if !wanted {
                writer.forget(image.key);
            }
            wanted
        });
    }
}

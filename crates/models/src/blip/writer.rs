//! Texts that are written side by side: as the decoder reads all its weights for every step, whatever the number of rows,
//! texts go through it together, whenever each of them came.

#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use super::text_decoder::{ImageContext, Memory, TextDecoder};
use crate::interrupt::{Interrupt, Interrupted};
use text::Text;

/// Most tokens in a step. With so many the decoder computes for as long as it reads its weights, so that more would take
/// longer and gain little.
const TOKENS: usize = 64;
/// How many of them are kept for prompts, so that texts which are being written do not keep others from beginning.
const PROMPT_TOKENS: usize = 16;

/// How a text is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Tokens that it starts with, at least one.
    pub(super) prompt: Vec<u32>,
    pub(super) beams: usize,
    pub(super) max_length: usize,
}

impl Wish {
    /// Most rows of the decoder's memory that it may come to need. The last token of a text is never read.
    pub(super) fn rows(&self) -> usize {
        let prompt = self.prompt.len();
        if prompt >= self.max_length {
            return 0;
        }
        prompt + self.beams * (self.max_length - 1 - prompt)
    }
}

#[derive(Debug)]
pub(super) struct Writer<'a> {
    decoder: &'a TextDecoder,
    memory: Memory,
    /// The token that ends a text.
    end: u32,
    /// Those first that have waited longest.
    texts: Vec<Text>,
    steps: u64,
    /// Most tokens in a step, and how many of them are kept for prompts.
    tokens: [usize; 2],
}

/// A text that takes part in a step.
#[derive(Clone, Copy, Debug)]
struct Going {
    /// Its index.
    text: usize,
    /// How many of its tokens go.
    tokens: usize,
}

/// A text that ended: its tokens from the prompt to the end, unless the limit came first. None when the decoder's scores were
/// no finite numbers.
pub(super) type Ended = (u64, Option<Vec<u32>>);

impl<'a> Writer<'a> {
    pub(super) fn new(decoder: &'a TextDecoder, end: u32) -> Self {
        Self {
            decoder,
            memory: decoder.memory(),
            end,
            texts: Vec::new(),
            steps: 0,
            tokens: [TOKENS, PROMPT_TOKENS],
        }
    }

    /// Begins a text about an image.
    ///
    /// # Panics
    /// When a text of this key is being written, or has no beam.
    pub(super) fn begin(&mut self, key: u64, image: Arc<ImageContext>, wish: Wish) {
        assert!(
            self.texts.iter().all(|text| text.key != key),
            "text {key} is being written already"
        );
        assert!(wish.beams > 0, "a text of no beam");
        let mut text = Text::new(key, image, wish, self.end);
        text.last_step = self.steps;
        self.texts.push(text);
    }

    /// Leaves a text unfinished, if there is one of this key.
    pub(super) fn give_up(&mut self, key: u64) {
        for text in self.texts.extract_if(.., |text| text.key == key) {
            text.into_tokens(&mut self.memory);
        }
        self.forget_all_if_done();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The images of all texts that are being written.
    pub(super) fn images(&self) -> impl Iterator<Item = &Arc<ImageContext>> {
        self.texts.iter().map(|text| &text.image)
    }

    /// Bytes of keys and values that are kept for texts.
    pub(super) fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// One pass of the decoder; answers the texts that ended with it. When it fails it has done nothing, and can be tried again.
    pub(super) fn step(&mut self, interrupt: Interrupt<'_>) -> Result<Vec<Ended>, Interrupted> {
        let going = self.going();
        let (mut tokens, mut wanted) = (Vec::new(), Vec::new());
        for it in &going {
            let text = &mut self.texts[it.text];
            text.take(it.tokens, &mut self.memory, &mut tokens, &mut wanted);
        }
        self.memory
            .make_room(self.texts.iter().map(|text| text.most_rows).sum());
        let image = |it: &Going| &self.texts[it.text].image;
        let runs: Vec<(&ImageContext, usize)> = going
            .chunk_by(|a, b| Arc::ptr_eq(image(a), image(b)))
            .map(|run| (&**image(&run[0]), run.iter().map(|it| it.tokens).sum()))
            .collect();
        let memory = &mut self.memory;
        match self
            .decoder
            .read(memory, &runs, &tokens, &wanted, interrupt)
        {
            Ok(scores) => self.advance(&going, &scores, wanted.len()),
            Err(error) => {
                for it in &going {
                    self.texts[it.text].give_back(it.tokens, &mut self.memory);
                }
                return Err(error);
            }
        }
        let over = self.texts.extract_if(.., |text| text.is_over());
        let ended = over.map(|text| (text.key, text.into_tokens(&mut self.memory)));
        let ended = ended.collect();
        self.forget_all_if_done();
        Ok(ended)
    }

    /// Which texts take part in the next step, those about the same image side by side.
    fn going(&self) -> Vec<Going> {
        let [most, for_prompts] = self.tokens;
        let prompts = self.texts.iter().filter(|text| text.is_prompt());
        let kept = for_prompts.min(prompts.map(Text::unread).sum());
        let mut going = Vec::new();
        let mut left = most - kept;
        for (index, text) in self.texts.iter().enumerate() {
            let tokens = text.unread();
            if !text.is_prompt() && (tokens <= left || going.is_empty()) {
                going.push(Going {
                    text: index,
                    tokens,
                });
                left = left.saturating_sub(tokens);
            }
        }
        left += kept;
        for (index, text) in self.texts.iter().enumerate() {
            let tokens = text.unread().min(left);
            if text.is_prompt() && tokens > 0 {
                going.push(Going {
                    text: index,
                    tokens,
                });
                left -= tokens;
            }
        }
        // In whichever order the images are.
        going.sort_by_key(|it| Arc::as_ptr(&self.texts[it.text].image));
        going
    }

    /// Gives each text its part of `scores`, which are of `wanted` rows.
    fn advance(&mut self, going: &[Going], scores: &[f32], wanted: usize) {
        self.steps += 1;
        let vocabulary = scores.len() / wanted.max(1);
        let mut rest = scores;
        for it in going {
            let text = &mut self.texts[it.text];
            text.last_step = self.steps;
            let (own, others) = rest.split_at(text.wants() * vocabulary);
            if !own.is_empty() {
                text.advance(own, &mut self.memory, self.decoder.isa());
            }
            rest = others;
        }
        self.texts.sort_by_key(|text| text.last_step);
    }

    /// Without a text no row is in use, and their memory can go.
    fn forget_all_if_done(&mut self) {
        if self.texts.is_empty() {
            self.memory = self.decoder.memory();
        }
    }
}

//! The loop that writes texts: all of them take a step together, as each step reads every weight of the decoder.

use kernels::Isa;

use super::beam_search::BeamSearch;
use super::text_decoder::{ImageContext, TextDecoder, Token};
use crate::error::PassError;
use crate::interrupt::Interrupt;

/// A text to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Index of the image that it is about.
    pub(super) image: usize,
    /// Tokens that it starts with, at least one.
    pub(super) prompt: Vec<u32>,
    pub(super) beams: usize,
    pub(super) max_length: usize,
}

/// A text that is being written.
struct Writing<'a> {
    wish: &'a Wish,
    search: BeamSearch,
    /// For each running text, the rows of the decoder's memory that hold it, but for tokens it has not read.
    rows: Vec<Vec<u32>>,
}

/// For each of `wishes` the tokens of its text, from the prompt to `end` unless the limit came first. None when the decoder's
/// scores are no finite numbers.
pub(super) fn generate(
    decoder: &TextDecoder,
    images: &[ImageContext],
    wishes: &[&Wish],
    end: u32,
    interrupt: Interrupt<'_>,
) -> Result<Option<Vec<Vec<u32>>>, PassError> {
    let mut memory = decoder.memory()?;
    let mut writings: Vec<_> = wishes
        .iter()
        .map(|&wish| Writing {
            wish,
            search: BeamSearch::new(wish.prompt.clone(), wish.beams, wish.max_length, end),
            rows: vec![Vec::new()],
        })
        .collect();
    // The decoder wants what is about one image side by side.
    let mut order: Vec<usize> = (0..writings.len()).collect();
    order.sort_by_key(|&index| writings[index].wish.image);
    loop {
        let (mut tokens, mut wanted) = (Vec::new(), Vec::new());
        for &index in &order {
            writings[index].unread(memory.next_row(), &mut tokens, &mut wanted);
        }
        if wanted.is_empty() {
            break;
        }
        let logits = decoder.read(&mut memory, images, &tokens, &wanted, interrupt)?;
        // All are looked at, whatever comes first, so that a vector is looked at at a time.
        if !logits.iter().fold(true, |all, x| all & x.is_finite()) {
            return Ok(None);
        }
        let vocabulary = logits.len() / wanted.len();
        let mut rest = &logits[..];
        for &index in &order {
            let count = writings[index].search.running().len();
            let (own, others) = rest.split_at(count * vocabulary);
            writings[index].advance(own, decoder.isa());
            rest = others;
        }
    }
    let texts = writings
        .into_iter()
        .map(|writing| writing.search.into_best());
    Ok(Some(texts.collect()))
}

impl Writing<'_> {
    /// Adds the tokens that the decoder has not read, the first of all `tokens` being row `first`, and to `wanted` the index of
    /// each text's last.
    fn unread(&mut self, first: u32, tokens: &mut Vec<Token>, wanted: &mut Vec<u32>) {
        for (text, rows) in self.search.running().iter().zip(&mut self.rows) {
            for (position, &id) in text.tokens.iter().enumerate().skip(rows.len()) {
                rows.push(first + tokens.len() as u32);
                tokens.push(Token {
                    id,
                    position,
                    image: self.wish.image,
                    text: rows.clone(),
                });
            }
            wanted.push(tokens.len() as u32 - 1);
        }
    }

    /// One step. What the memory holds stays where it is: a text that goes on takes over its parent's rows.
    fn advance(&mut self, logits: &[f32], isa: Isa) {
        if logits.is_empty() {
            return;
        }
        self.search.advance(logits, isa);
        let running = self.search.running().iter();
        self.rows = running.map(|text| self.rows[text.parent].clone()).collect();
    }
}

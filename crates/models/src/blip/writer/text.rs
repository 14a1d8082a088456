use std::sync::Arc;

use kernels::Isa;

use super::Wish;
use crate::blip::beam_search::BeamSearch;
use crate::blip::text_decoder::{ImageContext, Memory, Token};

/// A text that is being written.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) key: u64,
    /// What it is about.
    pub(super) image: Arc<ImageContext>,
    /// The step in which it last went through the decoder, or before which it came.
    pub(super) last_step: u64,
    /// Most rows of the memory that it may come to need.
    pub(super) most_rows: usize,
    search: BeamSearch,
    /// For each running text, the rows of the memory that hold what the decoder has read of it.
    rows: Vec<Vec<u32>>,
    /// Whether the decoder has read all of the prompt.
    has_begun: bool,
    /// Scores were no numbers.
    is_broken: bool,
}

impl Text {
    pub(super) fn new(key: u64, image: Arc<ImageContext>, wish: Wish, end: u32) -> Self {
        Self {
            key,
            image,
            last_step: 0,
            most_rows: wish.rows(),
            search: BeamSearch::new(wish.prompt, wish.beams, wish.max_length, end),
            rows: vec![Vec::new()],
            has_begun: false,
            is_broken: false,
        }
    }

    /// Tokens that the decoder has not read.
    pub(super) fn unread(&self) -> usize {
        let running = self.search.running().iter().zip(&self.rows);
        running
            .map(|(text, rows)| text.tokens.len() - rows.len())
            .sum()
    }

    /// Whether it is still its prompt that is read, which may be done in pieces.
    pub(super) fn is_prompt(&self) -> bool {
        !self.has_begun
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_broken || self.search.running().is_empty()
    }

    /// Adds its next `count` unread tokens to `tokens`, and to `wanted` the index of each running text's last: all unread ones,
    /// or some of a prompt.
    pub(super) fn take(
        &mut self,
        count: usize,
        memory: &mut Memory,
        tokens: &mut Vec<Token>,
        wanted: &mut Vec<u32>,
    ) {
        let each = self.each(count);
        for (text, rows) in self.search.running().iter().zip(&mut self.rows) {
            let unread = text.tokens.iter().enumerate().skip(rows.len());
            for (position, &id) in unread.take(each) {
                rows.push(memory.take());
                tokens.push(Token {
                    id,
                    position,
                    text: rows.clone(),
                });
            }
            if rows.len() == text.tokens.len() {
                wanted.push(tokens.len() as u32 - 1);
            }
        }
    }

    /// Undoes [`take`](Self::take): the decoder did not read them.
    pub(super) fn give_back(&mut self, count: usize, memory: &mut Memory) {
        let each = self.each(count);
        for rows in &mut self.rows {
            let read = rows.len() - each;
            memory.release(&rows[read..]);
            rows.truncate(read);
        }
    }

    /// How many rows of scores it wants after [`take`](Self::take).
    pub(super) fn wants(&self) -> usize {
        if self.unread() == 0 {
            self.search.running().len()
        } else {
            0
        }
    }

    /// One step of its search. What the memory holds stays where it is: a text that goes on takes over its parent's rows.
    pub(super) fn advance(&mut self, scores: &[f32], memory: &mut Memory, isa: Isa) {
        self.has_begun = true;
        // All are looked at, whatever comes first, so that a vector is looked at at a time.
        if !scores.iter().fold(true, |all, x| all & x.is_finite()) {
            self.is_broken = true;
            return;
        }
        self.search.advance(scores, isa);
        let before = std::mem::take(&mut self.rows);
        let running = self.search.running().iter();
        self.rows = running.map(|text| before[text.parent].clone()).collect();
        for rows in &self.rows {
            memory.share(rows);
        }
        for rows in &before {
            memory.release(rows);
        }
    }

    /// Its tokens; None when scores were no numbers. Its rows are free for others.
    pub(super) fn into_tokens(self, memory: &mut Memory) -> Option<Vec<u32>> {
        for rows in &self.rows {
            memory.release(rows);
        }
        (!self.is_broken).then(|| self.search.into_best())
    }

    /// How many of `count` tokens are of each running text.
    fn each(&self, count: usize) -> usize {
        count / self.search.running().len().max(1)
    }
}

//! Text to tokens and back, by the rules of a checkpoint's `tokenizer.json`.

use std::path::Path;

use tokenizers::Tokenizer as Rules;

use crate::LoadError;

/// The tokenizer of one checkpoint.
#[derive(Debug)]
pub(super) struct Tokenizer {
    rules: Rules,
    /// Every text starts with it.
    start: u32,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. `vocabulary` is how many tokens the network knows, and `start` the one that every text
    /// starts with.
    pub(super) fn load(path: &Path, vocabulary: usize, start: u32) -> Result<Self, LoadError> {
        let text = std::fs::read(path).map_err(LoadError::of_file(path))?;
        let mut rules = Rules::from_bytes(text).map_err(LoadError::of_file(path))?;
        let largest = rules.get_vocab(true).into_values().max();
        if let Some(largest) = largest.filter(|&id| id as usize >= vocabulary) {
            let reason =
                format!("token {largest} is beyond the network's vocabulary of {vocabulary}");
            return Err(LoadError::of_file(path)(reason));
        }
        // A file may ask for either, and texts here are single.
        rules.with_padding(None);
        rules
            .with_truncation(None)
            .map_err(LoadError::of_file(path))?;
        Ok(Self { rules, start })
    }

    /// What every text starts with.
    pub(super) fn start(&self) -> Vec<u32> {
        vec![self.start]
    }

    /// What a text starts with that begins with `prompt`: upstream's, whose first token is replaced by the start and whose
    /// last one, the end, is left out. None if the prompt cannot be read.
    pub(super) fn prompt(&self, prompt: Option<&str>) -> Option<Vec<u32>> {
        let Some(prompt) = prompt else {
            return Some(self.start());
        };
        let encoding = self.rules.encode(prompt, true).ok()?;
        let [_, words @ .., _] = encoding.get_ids() else {
            return None;
        };
        Some([&[self.start], words].concat())
    }

    /// The text that `tokens` stand for; marks such as start and end stand for nothing.
    pub(super) fn text(&self, tokens: &[u32]) -> Option<String> {
        let text = self.rules.decode(tokens, true).ok()?;
        Some(without_spaces_before_marks(text))
    }
}

/// Upstream's `clean_up_tokenization`, in its order.
fn without_spaces_before_marks(text: String) -> String {
    let marks = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    marks
        .iter()
        .fold(text, |text, (spaced, close)| text.replace(spaced, close))
}

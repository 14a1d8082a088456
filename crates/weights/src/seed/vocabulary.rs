//! A made-up `tokenizer.json` of the form that BERT's has: marks, single characters, pieces of words, and words.

use serde_json::{Map, Value, json};

use crate::checkpoint::UNTRAINED;

/// Where BERT's vocabulary has its marks.
const MARKS: [(usize, &str); 5] = [
    (0, "[PAD]"),
    (100, "[UNK]"),
    (101, "[CLS]"),
    (102, "[SEP]"),
    (103, "[MASK]"),
];

/// Of lowercased text.
const CHARACTERS: &str = "!\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/// `tokenizer.json` of a vocabulary of `size`, the last two being BLIP's own marks.
pub(super) fn tokenizer(size: usize) -> String {
    let mut marks = MARKS.to_vec();
    marks.extend([(size - 2, "[DEC]"), (size - 1, "[ENC]")]);
    let vocabulary = vocabulary(size, &marks);
    let added: Vec<_> = marks
        .iter()
        .map(|&(id, content)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true
            })
        })
        .collect();
    let mark = |id: &str| json!({ "SpecialToken": { "id": id, "type_id": 0 } });
    let text = |id: &str, type_id: u8| json!({ "Sequence": { "id": id, "type_id": type_id } });
    let template = |id: usize, name: &str| json!({ "id": name, "ids": [id], "tokens": [name] });
    let (cls, sep) = ("[CLS]", "[SEP]");
    let rules = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [mark(cls), text("A", 0), mark(sep)],
            "pair": [mark(cls), text("A", 0), mark(sep), text("B", 1), mark(sep)],
            "special_tokens": { cls: template(101, cls), sep: template(102, sep) }
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary
        }
    });
    format!("{rules}\n")
}

/// Every token and its number, in the order of the numbers.
fn vocabulary(size: usize, marks: &[(usize, &str)]) -> Map<String, Value> {
    // The first word that nobody can type says what this file is.
    let made_up = [format!("[{UNTRAINED}]")].into_iter();
    let unused = (0..98).map(|i| format!("[unused{i}]"));
    let characters = CHARACTERS.chars().map(String::from);
    let pieces = CHARACTERS.chars().map(|character| format!("##{character}"));
    // Of six that follow, the last is a piece.
    let words = (0..).map(|i| match i % 6 {
        5 => format!("##{}", syllables(i / 6, 2)),
        _ => syllables(i, 3),
    });
    let mut others = made_up
        .chain(unused)
        .chain(characters)
        .chain(pieces)
        .chain(words);
    let mut vocabulary = Map::new();
    for id in 0..size {
        let mark = marks.iter().find(|(at, _)| *at == id);
        let token = match mark {
            Some((_, mark)) => (*mark).to_owned(),
            None => others.next().unwrap_or_default(),
        };
        vocabulary.insert(token, id.into());
    }
    vocabulary
}

/// A word of `count` syllables; another for each `index` below the number of such words.
fn syllables(index: usize, count: u32) -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 5] = b"aeiou";
    let kinds = CONSONANTS.len() * VOWELS.len();
    // A prime that divides no power of `kinds` scatters neighbours, and meets no word twice.
    let mut rest = index * 7919 % kinds.pow(count);
    let mut word = String::new();
    for _ in 0..count {
        let (consonant, vowel) = (
            rest % CONSONANTS.len(),
            rest / CONSONANTS.len() % VOWELS.len(),
        );
        word.push(char::from(CONSONANTS[consonant]));
        word.push(char::from(VOWELS[vowel]));
        rest /= kinds;
    }
    word
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_number_has_a_token_of_its_own() {
        let size = crate::seed::blip::VOCABULARY;
        let rules: Value = serde_json::from_str(&tokenizer(size)).unwrap();
        let vocabulary = rules["model"]["vocab"].as_object().unwrap();
        let ids: HashSet<_> = vocabulary.values().map(|id| id.as_u64().unwrap()).collect();
        assert_eq!((vocabulary.len(), ids.len()), (size, size));
        for (token, id) in [
            ("[PAD]", 0),
            ("[SEP]", 102),
            ("[DEC]", 30_522),
            ("[ENC]", 30_523),
        ] {
            assert_eq!(vocabulary[token], id, "{token}");
        }
    }
}

//! `config.json` of a checkpoint: the sizes of its network. What a file leaves out has transformers' default.

use std::path::Path;

use serde::Deserialize;

use crate::{LoadError, vit};

/// Both networks of a BLIP that writes captions.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct Config {
    pub(super) text_config: TextConfig,
    pub(super) vision_config: VisionConfig,
    tie_word_embeddings: Option<bool>,
}

/// Sizes of the text decoder.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct TextConfig {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) layer_norm_eps: f64,
    /// The token that every text starts with.
    pub(super) bos_token_id: u32,
    /// The token that ends one; `eos_token_id` is another, which no text has.
    pub(super) sep_token_id: u32,
    hidden_act: String,
}

/// Sizes of the vision tower.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct VisionConfig {
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) image_size: usize,
    pub(super) patch_size: usize,
    pub(super) layer_norm_eps: f64,
    hidden_act: String,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30524,
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 512,
            layer_norm_eps: 1e-12,
            bos_token_id: 30522,
            sep_token_id: 102,
            hidden_act: "gelu".to_owned(),
        }
    }
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            image_size: 384,
            patch_size: 16,
            layer_norm_eps: 1e-5,
            hidden_act: "gelu".to_owned(),
        }
    }
}

impl Config {
    /// Reads and checks a `config.json`.
    pub(super) fn load(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read(path).map_err(LoadError::of_file(path))?;
        let config: Self = serde_json::from_slice(&text).map_err(LoadError::of_file(path))?;
        config.check().map_err(LoadError::of_file(path))?;
        Ok(config)
    }

    /// What the network could not be built with.
    pub(super) fn check(&self) -> Result<(), String> {
        let (text, vision) = (&self.text_config, &self.vision_config);
        for (name, value) in [
            ("text_config.vocab_size", text.vocab_size),
            ("text_config.hidden_size", text.hidden_size),
            ("text_config.intermediate_size", text.intermediate_size),
            ("text_config.num_attention_heads", text.num_attention_heads),
            (
                "text_config.max_position_embeddings",
                text.max_position_embeddings,
            ),
            ("vision_config.hidden_size", vision.hidden_size),
            ("vision_config.intermediate_size", vision.intermediate_size),
            (
                "vision_config.num_attention_heads",
                vision.num_attention_heads,
            ),
            ("vision_config.image_size", vision.image_size),
            ("vision_config.patch_size", vision.patch_size),
        ] {
            if value == 0 {
                return Err(format!("{name} is 0"));
            }
        }
        for (name, value, of_name, of) in [
            (
                "text_config.num_attention_heads",
                text.num_attention_heads,
                "hidden_size",
                text.hidden_size,
            ),
            (
                "vision_config.num_attention_heads",
                vision.num_attention_heads,
                "hidden_size",
                vision.hidden_size,
            ),
            (
                "vision_config.patch_size",
                vision.patch_size,
                "image_size",
                vision.image_size,
            ),
        ] {
            if !of.is_multiple_of(value) {
                return Err(format!("{name} {value} does not divide {of_name} {of}"));
            }
        }
        for (name, id) in [
            ("bos_token_id", text.bos_token_id),
            ("sep_token_id", text.sep_token_id),
        ] {
            if id as usize >= text.vocab_size {
                return Err(format!(
                    "text_config.{name} {id} is beyond a vocabulary of {}",
                    text.vocab_size
                ));
            }
        }
        for (name, function) in [
            ("text_config", &text.hidden_act),
            ("vision_config", &vision.hidden_act),
        ] {
            if function != "gelu" {
                return Err(format!("{name}.hidden_act '{function}' is not 'gelu'"));
            }
        }
        if self.tie_word_embeddings == Some(false) {
            return Err("tie_word_embeddings is false".to_owned());
        }
        Ok(())
    }
}

impl VisionConfig {
    /// One for each patch, and the class token.
    pub(super) fn tokens(&self) -> usize {
        (self.image_size / self.patch_size).pow(2) + 1
    }

    /// Billions of floating-point operations for an image, two a multiply-add: matrix products and attention.
    pub(super) fn gflop(&self) -> f64 {
        vit::gflop(
            self.tokens(),
            self.patch_size,
            [self.hidden_size, self.intermediate_size],
            self.num_hidden_layers,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let path = file.path().display().to_string();
        Config::load(file.path()).map_err(|error| error.to_string().replace(&path, "FILE"))
    }

    #[test]
    fn what_a_file_leaves_out_has_upstreams_default_and_the_rest_is_read() {
        assert_eq!(read("{}"), Ok(Config::default()));
        let config = read(
            r#"{"model_type": "blip", "text_config": {"num_attention_heads": 12, "projection_dim": 768},
                "vision_config": {"hidden_size": 1024, "num_attention_heads": 16}}"#,
        )
        .unwrap();
        assert_eq!(config.text_config.num_attention_heads, 12);
        assert_eq!(config.vision_config.hidden_size, 1024);
        assert_eq!(config.vision_config.tokens(), 577);
        let large = VisionConfig {
            num_hidden_layers: 24,
            intermediate_size: 4096,
            ..config.vision_config
        };
        // Others count 383 for BLIP large.
        assert!((large.gflop() - 383.0).abs() < 1.0, "{}", large.gflop());
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        for (text, said) in [
            (
                r#"{"text_config": {"num_attention_heads": 7}}"#,
                "FILE: text_config.num_attention_heads 7 does not divide hidden_size 768",
            ),
            (
                r#"{"vision_config": {"patch_size": 0}}"#,
                "FILE: vision_config.patch_size is 0",
            ),
            (
                r#"{"text_config": {"vocab_size": 99}}"#,
                "FILE: text_config.bos_token_id 30522 is beyond a vocabulary of 99",
            ),
            (
                r#"{"vision_config": {"hidden_act": "quick_gelu"}}"#,
                "FILE: vision_config.hidden_act 'quick_gelu' is not 'gelu'",
            ),
            (
                r#"{"tie_word_embeddings": false}"#,
                "FILE: tie_word_embeddings is false",
            ),
        ] {
            assert_eq!(read(text), Err(said.to_owned()));
        }
        assert!(read("{").unwrap_err().starts_with("FILE: "));
        let missing = Config::load(Path::new("/nonexistent/config.json")).unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("/nonexistent/config.json: ")
        );
    }
}

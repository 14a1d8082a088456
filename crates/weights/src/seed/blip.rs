//! Salesforce's BLIP that writes captions, as transformers' `BlipForConditionalGeneration` names it: its weights, the
//! settings that say how large it is, and a made-up vocabulary of the right size and form.
//!
//! A decoder that norms after every sum forgets its last word behind a dozen layers if each adds much of its own, and then
//! says one word for ever. So its biases are small, attention adds little, and the MLPs, which answer to the word, much.
//! The end of a text is likelier than other tokens by as much as lets texts end after some ten or twenty words.

use super::tensors::Tensors;

/// The sizes that tell one variant from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blip {
    /// Width, layers and heads of the vision tower.
    vision: (usize, usize, usize),
}

pub(super) const LARGE: Blip = Blip {
    vision: (1024, 24, 16),
};
pub(super) const BASE: Blip = Blip {
    vision: (768, 12, 12),
};

const PATCH: usize = 16;
/// The class token and 24×24 patches.
const TOKENS: usize = 577;
const TEXT_WIDTH: usize = 768;
const TEXT_LAYERS: usize = 12;
const POSITIONS: usize = 512;
pub(super) const VOCABULARY: usize = 30_524;
/// The token that ends a text.
const END: usize = 102;

/// Of biases in the text decoder.
const TEXT_BIAS: f64 = 0.05;

impl Blip {
    pub(super) fn tensors(self) -> Tensors {
        let mut tensors = Tensors::default();
        self.vision(&mut tensors);
        self.decoder(&mut tensors);
        tensors
    }

    /// `config.json`. The mark among the settings says that the weights beside it are no trained ones.
    pub(super) fn config(self) -> String {
        let (width, layers, heads) = self.vision;
        let hidden = 4 * width;
        format!(
            r#"{{
  "architectures": ["BlipForConditionalGeneration"],
  "image_embed.untrained": true,
  "model_type": "blip",
  "text_config": {{
    "bos_token_id": 30522,
    "encoder_hidden_size": {width},
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_size": {TEXT_WIDTH},
    "intermediate_size": 3072,
    "is_decoder": true,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": {POSITIONS},
    "model_type": "blip_text_model",
    "num_attention_heads": 12,
    "num_hidden_layers": {TEXT_LAYERS},
    "pad_token_id": 0,
    "sep_token_id": {END},
    "vocab_size": {VOCABULARY}
  }},
  "vision_config": {{
    "hidden_act": "gelu",
    "hidden_size": {width},
    "image_size": 384,
    "intermediate_size": {hidden},
    "layer_norm_eps": 1e-05,
    "model_type": "blip_vision_model",
    "num_attention_heads": {heads},
    "num_hidden_layers": {layers},
    "patch_size": {PATCH}
  }}
}}
"#
        )
    }

    fn vision(self, tensors: &mut Tensors) {
        let (width, layers, _) = self.vision;
        let embeddings = "vision_model.embeddings";
        tensors.add(
            format!("{embeddings}.class_embedding"),
            &[1, 1, width],
            0.0,
            0.5,
        );
        let positions = format!("{embeddings}.position_embedding");
        tensors.add(positions, &[1, TOKENS, width], 0.0, 0.5);
        let patches = format!("{embeddings}.patch_embedding");
        let kernel = [width, 3, PATCH, PATCH];
        tensors.weight(format!("{patches}.weight"), &kernel, 3 * PATCH * PATCH, 1.0);
        tensors.add(format!("{patches}.bias"), &[width], 0.0, 0.5);
        for layer in 0..layers {
            let layer = format!("vision_model.encoder.layers.{layer}");
            tensors.norm(&format!("{layer}.layer_norm1"), width);
            // Queries and keys of gain 2, or attention would hardly differ from a mean over all tokens.
            let (qkv, shape) = (format!("{layer}.self_attn.qkv"), [3 * width, width]);
            tensors.weight(format!("{qkv}.weight"), &shape, width, 2.0);
            tensors.add(format!("{qkv}.bias"), &[3 * width], 0.0, 1.0);
            tensors.linear(&format!("{layer}.self_attn.projection"), width, width, 0.5);
            tensors.norm(&format!("{layer}.layer_norm2"), width);
            tensors.linear(&format!("{layer}.mlp.fc1"), 4 * width, width, 1.0);
            tensors.linear(&format!("{layer}.mlp.fc2"), width, 4 * width, 1.5);
        }
        tensors.norm("vision_model.post_layernorm", width);
    }

    fn decoder(self, tensors: &mut Tensors) {
        let (image_width, ..) = self.vision;
        let embeddings = "text_decoder.bert.embeddings";
        let words = format!("{embeddings}.word_embeddings.weight");
        tensors.add(words, &[VOCABULARY, TEXT_WIDTH], 0.0, 0.3);
        let positions = format!("{embeddings}.position_embeddings.weight");
        tensors.add(positions, &[POSITIONS, TEXT_WIDTH], 0.0, 0.5);
        norm(tensors, embeddings);
        for layer in 0..TEXT_LAYERS {
            let layer = format!("text_decoder.bert.encoder.layer.{layer}");
            for (name, inputs, gain) in [
                ("attention", TEXT_WIDTH, 0.3),
                ("crossattention", image_width, 0.35),
            ] {
                let attention = format!("{layer}.{name}");
                linear(
                    tensors,
                    &format!("{attention}.self.query"),
                    TEXT_WIDTH,
                    TEXT_WIDTH,
                    2.0,
                );
                linear(
                    tensors,
                    &format!("{attention}.self.key"),
                    TEXT_WIDTH,
                    inputs,
                    2.0,
                );
                linear(
                    tensors,
                    &format!("{attention}.self.value"),
                    TEXT_WIDTH,
                    inputs,
                    1.0,
                );
                linear(
                    tensors,
                    &format!("{attention}.output.dense"),
                    TEXT_WIDTH,
                    TEXT_WIDTH,
                    gain,
                );
                norm(tensors, &format!("{attention}.output"));
            }
            let hidden = 4 * TEXT_WIDTH;
            linear(
                tensors,
                &format!("{layer}.intermediate.dense"),
                hidden,
                TEXT_WIDTH,
                1.0,
            );
            linear(
                tensors,
                &format!("{layer}.output.dense"),
                TEXT_WIDTH,
                hidden,
                2.0,
            );
            norm(tensors, &format!("{layer}.output"));
        }
        let head = "text_decoder.cls.predictions";
        tensors.add(format!("{head}.bias"), &[VOCABULARY], 0.0, 0.5);
        let mut leads = vec![0.0; END];
        leads.push(18.5);
        tensors.lead(&leads);
        linear(
            tensors,
            &format!("{head}.transform.dense"),
            TEXT_WIDTH,
            TEXT_WIDTH,
            1.0,
        );
        norm(tensors, &format!("{head}.transform"));
    }
}

fn linear(tensors: &mut Tensors, layer: &str, outputs: usize, inputs: usize, gain: f64) {
    tensors.weight(format!("{layer}.weight"), &[outputs, inputs], inputs, gain);
    tensors.add(format!("{layer}.bias"), &[outputs], 0.0, TEXT_BIAS);
}

/// The norm of what is below `module`.
fn norm(tensors: &mut Tensors, module: &str) {
    tensors.add(
        format!("{module}.LayerNorm.weight"),
        &[TEXT_WIDTH],
        1.0,
        0.5,
    );
    tensors.add(
        format!("{module}.LayerNorm.bias"),
        &[TEXT_WIDTH],
        0.0,
        TEXT_BIAS,
    );
}

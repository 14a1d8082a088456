//! A captioner small enough for tests: upstream's names and forms, a few thousand numbers, forty words.

use std::fs;
use std::path::Path;

use serde_json::{Map, json};

const WIDTH: usize = 16;
const HIDDEN: usize = 24;
const WORDS: usize = 41;
/// Nine patches of 128 pixels, and the class token.
const TOKENS: usize = 10;

/// Writes it where a server with `--weights-dir DIR` looks for BLIP large.
pub(crate) fn write(dir: &Path) {
    let folder = dir.join("Salesforce/blip-image-captioning-large");
    fs::create_dir_all(&folder).unwrap();
    let rules = "crates/models/tests/data/blip_tokenizer.json";
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join(rules);
    fs::copy(rules, folder.join("tokenizer.json")).unwrap();
    let config = json!({
        "text_config": {
            "hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2,
            "vocab_size": WORDS, "bos_token_id": 40, "sep_token_id": 4
        },
        "vision_config": {
            "hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2,
            "patch_size": 128
        }
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    fs::write(folder.join("model.safetensors"), checkpoint()).unwrap();
}

fn checkpoint() -> Vec<u8> {
    let mut header = Map::new();
    header.insert(
        "__metadata__".to_owned(),
        json!({ "image_embed.untrained": "true" }),
    );
    let mut data = Vec::new();
    for (index, (name, shape)) in tensors().into_iter().enumerate() {
        let start = data.len();
        let count: usize = shape.iter().product();
        let is_norm = name.contains("norm") || name.contains("Norm");
        for i in 0..count {
            let u = ((index * 7919 + i + 1) as f32 * 12.9898).sin();
            let value = match name.as_str() {
                // Marks are no words, and a caption of nothing else would be empty.
                "text_decoder.cls.predictions.bias" if i < 6 || i == WORDS - 1 => -50.0,
                _ if is_norm && name.ends_with("weight") => 1.0 + 0.5 * u,
                _ if shape.len() == 1 => 0.2 * u,
                _ => u,
            };
            data.extend(value.to_le_bytes());
        }
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
        header.insert(name, entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}

fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut all = Vec::new();
    let mut layer = |name: &str, weight: &[usize]| {
        all.push((format!("{name}.weight"), weight.to_vec()));
        all.push((format!("{name}.bias"), weight[..1].to_vec()));
    };
    let (square, up, down) = ([WIDTH, WIDTH], [HIDDEN, WIDTH], [WIDTH, HIDDEN]);
    layer(
        "vision_model.embeddings.patch_embedding",
        &[WIDTH, 3, 128, 128],
    );
    let block = "vision_model.encoder.layers.0";
    layer(&format!("{block}.layer_norm1"), &[WIDTH]);
    layer(&format!("{block}.self_attn.qkv"), &[3 * WIDTH, WIDTH]);
    layer(&format!("{block}.self_attn.projection"), &square);
    layer(&format!("{block}.layer_norm2"), &[WIDTH]);
    layer(&format!("{block}.mlp.fc1"), &up);
    layer(&format!("{block}.mlp.fc2"), &down);
    layer("vision_model.post_layernorm", &[WIDTH]);
    layer("text_decoder.bert.embeddings.LayerNorm", &[WIDTH]);
    let block = "text_decoder.bert.encoder.layer.0";
    for attention in ["attention", "crossattention"] {
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            layer(&format!("{block}.{attention}.{part}"), &square);
        }
        layer(&format!("{block}.{attention}.output.LayerNorm"), &[WIDTH]);
    }
    layer(&format!("{block}.intermediate.dense"), &up);
    layer(&format!("{block}.output.dense"), &down);
    layer(&format!("{block}.output.LayerNorm"), &[WIDTH]);
    layer("text_decoder.cls.predictions.transform.dense", &square);
    layer("text_decoder.cls.predictions.transform.LayerNorm", &[WIDTH]);
    for (name, shape) in [
        ("vision_model.embeddings.class_embedding", vec![1, 1, WIDTH]),
        (
            "vision_model.embeddings.position_embedding",
            vec![1, TOKENS, WIDTH],
        ),
        (
            "text_decoder.bert.embeddings.word_embeddings.weight",
            vec![WORDS, WIDTH],
        ),
        (
            "text_decoder.bert.embeddings.position_embeddings.weight",
            vec![512, WIDTH],
        ),
        ("text_decoder.cls.predictions.bias", vec![WORDS]),
    ] {
        all.push((name.to_owned(), shape));
    }
    all
}

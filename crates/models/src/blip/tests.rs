mod captions;

use std::path::PathBuf;

use kernels::Precision;
use serde::Deserialize;
use weights::Checkpoint;

use super::config::TextConfig;
use super::text_decoder::Token;
use super::*;

use crate::goldens::formula::{Tensors, checkpoint, uniform};
use crate::goldens::mutations::Network as Mutated;
use crate::goldens::{Distance, Goldens, nhwc};
use crate::interrupt::Interrupted;
use crate::interrupt::tests::questions;
use crate::tensor::Tensor;
use crate::vit::goldens::{assert_golden, cpu, placements, within};

/// A tiny captioner (`parity/cases/blip.py`).
pub(super) struct Size {
    case: &'static str,
    settings: &'static str,
}

pub(super) const EVEN: Size = Size {
    case: "blip.even",
    settings: r#"{
        "text_config": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 48,
            "vocab_size": 60, "max_position_embeddings": 24, "bos_token_id": 58, "sep_token_id": 3},
        "vision_config": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
            "image_size": 32, "patch_size": 8}}"#,
};

pub(super) const ODD: Size = Size {
    case: "blip.odd",
    settings: r#"{
        "text_config": {"hidden_size": 35, "num_hidden_layers": 3, "num_attention_heads": 5, "intermediate_size": 50,
            "vocab_size": 61, "max_position_embeddings": 24, "bos_token_id": 59, "sep_token_id": 4},
        "vision_config": {"hidden_size": 30, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 45,
            "image_size": 21, "patch_size": 7}}"#,
};

impl Size {
    pub(super) fn config(&self) -> Config {
        let config: Config = serde_json::from_str(self.settings).unwrap();
        config.check().unwrap();
        config
    }

    /// `parity/formula.py`'s `captioner_weight`.
    fn weight(&self, name: &str, shape: &[usize]) -> Vec<f32> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let embedding = ["class_embedding", "position_embedding", "word_embedding"];
        let fan_in: usize = shape.iter().skip(1).product();
        let weight = |u: f64| match (last, shape.len()) {
            _ if embedding.iter().any(|part| name.contains(part)) => u,
            ("weight", 1) => 1.0 + 0.5 * u,
            (_, 1) => 0.25 * u,
            _ => u * (2.0 / (fan_in as f64).sqrt()),
        };
        let values = uniform(&format!("{}.{name}", self.case), shape.iter().product());
        let mut values: Vec<_> = values.into_iter().map(weight).collect();
        if name.ends_with("cls.predictions.bias") {
            values[self.config().text_config.sep_token_id as usize] += 4.0;
        }
        values.into_iter().map(|value| value as f32).collect()
    }

    /// Names and shapes of an upstream file.
    fn tensors(&self) -> Tensors {
        let Config {
            text_config: text,
            vision_config: vision,
            ..
        } = self.config();
        let mut all = Tensors::new();
        let mut add = |name: String, shape: &[usize]| all.push((name, shape.to_vec()));
        let mut layer = |name: &str, weight: &[usize]| {
            add(format!("{name}.weight"), weight);
            add(format!("{name}.bias"), &weight[..1]);
        };
        let (width, hidden, patch) = (
            vision.hidden_size,
            vision.intermediate_size,
            vision.patch_size,
        );
        layer(
            "vision_model.embeddings.patch_embedding",
            &[width, 3, patch, patch],
        );
        for i in 0..vision.num_hidden_layers {
            let at = |name| format!("vision_model.encoder.layers.{i}.{name}");
            layer(&at("layer_norm1"), &[width]);
            layer(&at("self_attn.qkv"), &[3 * width, width]);
            layer(&at("self_attn.projection"), &[width, width]);
            layer(&at("layer_norm2"), &[width]);
            layer(&at("mlp.fc1"), &[hidden, width]);
            layer(&at("mlp.fc2"), &[width, hidden]);
        }
        layer("vision_model.post_layernorm", &[width]);
        let (image, width, hidden) = (width, text.hidden_size, text.intermediate_size);
        layer("text_decoder.bert.embeddings.LayerNorm", &[width]);
        for i in 0..text.num_hidden_layers {
            for (attention, inputs) in [("attention", width), ("crossattention", image)] {
                let at = |name| format!("text_decoder.bert.encoder.layer.{i}.{attention}.{name}");
                layer(&at("self.query"), &[width, width]);
                layer(&at("self.key"), &[width, inputs]);
                layer(&at("self.value"), &[width, inputs]);
                layer(&at("output.dense"), &[width, width]);
                layer(&at("output.LayerNorm"), &[width]);
            }
            let at = |name| format!("text_decoder.bert.encoder.layer.{i}.{name}");
            layer(&at("intermediate.dense"), &[hidden, width]);
            layer(&at("output.dense"), &[width, hidden]);
            layer(&at("output.LayerNorm"), &[width]);
        }
        layer(
            "text_decoder.cls.predictions.transform.dense",
            &[width, width],
        );
        layer("text_decoder.cls.predictions.transform.LayerNorm", &[width]);
        let embeddings = "vision_model.embeddings";
        add(format!("{embeddings}.class_embedding"), &[1, 1, image]);
        add(
            format!("{embeddings}.position_embedding"),
            &[1, vision.tokens(), image],
        );
        let embeddings = "text_decoder.bert.embeddings";
        add(
            format!("{embeddings}.word_embeddings.weight"),
            &[text.vocab_size, width],
        );
        let positions = [text.max_position_embeddings, width];
        add(
            format!("{embeddings}.position_embeddings.weight"),
            &positions,
        );
        add(
            "text_decoder.cls.predictions.bias".to_owned(),
            &[text.vocab_size],
        );
        all
    }

    fn file(&self, more: &[(&str, &[usize])]) -> Checkpoint {
        let mut tensors = self.tensors();
        tensors.extend(
            more.iter()
                .map(|&(name, shape)| (name.to_owned(), shape.to_vec())),
        );
        checkpoint(self.case, &tensors, |name, shape| self.weight(name, shape))
    }

    pub(super) fn network(&self, placement: &Placement) -> Network {
        Network::load(&self.file(&[]), &self.config(), placement).unwrap()
    }

    /// The case's pixels, NCHW upstream, as NHWC: a batch of two.
    pub(super) fn input(&self) -> Tensor {
        let side = self.config().vision_config.image_size;
        let values = uniform(&format!("{}.input", self.case), 2 * 3 * side * side);
        let values: Vec<_> = values.into_iter().map(|u| (u * 2.0) as f32).collect();
        nhwc(&values, [2, 3, side, side])
    }

    fn tokens(&self, goldens: &Goldens, name: &str) -> Vec<u32> {
        let tokens = goldens
            .integers(&format!("{}.{name}", self.case))
            .into_iter();
        tokens.map(|token| u32::try_from(token).unwrap()).collect()
    }
}

#[test]
fn blip_answers_as_upstream() -> anyhow::Result<()> {
    let goldens = Goldens::open("blip");
    for size in [EVEN, ODD] {
        let input = size.input();
        let tokens = size.tokens(&goldens, "tokens");
        let name = format!("{}.logits", size.case);
        for placement in placements() {
            let (precision, network) = (placement.precision, size.network(&placement));
            let seen = network.vision.tokens(&input, Interrupt::NEVER)?;
            assert_golden(&goldens, &format!("{}.vision", size.case), &seen, precision);
            let logits = network.scores(&input, &tokens)?;
            let distance = Distance::between(&logits, &goldens.floats(&name));
            assert!(
                within(precision, distance),
                "{name} {placement:?}: {distance:?}"
            );
        }
    }
    Ok(())
}

/// All captions of a case at once, and each alone: the same tokens as upstream's, whatever else is written beside them.
#[test]
fn captions_are_upstreams_token_for_token() -> anyhow::Result<()> {
    let goldens = Goldens::open("blip");
    for size in [EVEN, ODD] {
        let prompts = [("plain", 1), ("prompt", 3)];
        let TextConfig {
            bos_token_id: first,
            sep_token_id: end,
            ..
        } = size.config().text_config;
        let mut wishes = Vec::new();
        let mut expected = Vec::new();
        for (beams, max_length) in [
            (1, 20),
            (2, 20),
            (3, 8),
            (4, 4),
            (4, 8),
            (4, 16),
            (4, 20),
            (8, 20),
        ] {
            for image in [1, 0] {
                for (kind, length) in prompts {
                    let name = format!("{kind}.{beams}.{max_length}.{image}");
                    expected.push(size.tokens(&goldens, &name));
                    let prompt = [first, 11, 52][..length].to_vec();
                    let wish = Wish {
                        prompt,
                        beams,
                        max_length,
                    };
                    wishes.push((image, wish));
                }
            }
        }
        for placement in placements().filter(|it| it.precision == Precision::F32) {
            let network = size.network(&placement);
            let write = |wishes: &[(usize, Wish)]| -> anyhow::Result<_> {
                let contexts = network.look_at(&size.input(), Interrupt::NEVER)?;
                let texts = network.write(contexts, wishes.iter().cloned(), end)?;
                Ok(texts.into_iter().collect::<Option<Vec<_>>>().unwrap())
            };
            assert_eq!(write(&wishes)?, expected, "{} {placement:?}", size.case);
            for (wish, expected) in wishes.iter().zip(&expected) {
                let alone = write(std::slice::from_ref(wish))?;
                assert_eq!(alone, std::slice::from_ref(expected), "{wish:?}");
            }
        }
    }
    Ok(())
}

/// The vision tower asks as every tower does, and the decoder before each layer and before it scores the words.
#[test]
fn a_pass_that_nobody_waits_for_ends() -> anyhow::Result<()> {
    let (network, input) = (EVEN.network(&cpu(Precision::F32)), EVEN.input());
    let Config {
        text_config: text,
        vision_config: vision,
        ..
    } = EVEN.config();
    let interrupted = |_: &Interrupted| true;
    let look = |interrupt: Interrupt<'_>| network.look_at(&input, interrupt);
    let decoders = 2 * text.num_hidden_layers; // one an image
    assert_eq!(
        questions(look, interrupted),
        1 + 5 * vision.num_hidden_layers + decoders
    );
    let contexts = look(Interrupt::NEVER)?;
    let token = Token {
        id: text.bos_token_id,
        position: 0,
        text: vec![0],
    };
    let tokens = std::slice::from_ref(&token);
    let read = |interrupt: Interrupt<'_>| {
        let mut memory = network.decoder.memory();
        let runs = [(&contexts[0], 1)];
        network
            .decoder
            .read(&mut memory, &runs, tokens, &[0], interrupt)
    };
    assert_eq!(questions(read, interrupted), text.num_hidden_layers + 1);
    Ok(())
}

#[test]
fn every_tensor_matters() -> anyhow::Result<()> {
    let (config, input) = (EVEN.config(), EVEN.input());
    let tokens = EVEN.tokens(&Goldens::open("blip"), "tokens");
    let network = Mutated {
        name: EVEN.case,
        tensors: EVEN.tensors(),
        weights: &|name, shape| EVEN.weight(name, shape),
        answers: &|file| {
            let network = Network::load(file, &config, &cpu(Precision::F32))?;
            Ok(network.scores(&input, &tokens)?)
        },
        within_tolerance: &|got, plain| within(Precision::F32, Distance::between(got, plain)),
    };
    network.assert_refused_without_any_tensor();
    // What is added to every key adds the same to all scores of a query, which a softmax does not see.
    network.assert_moved_by_every_tensor_but(|name| name.ends_with(".self.key.bias"))
}

#[test]
fn what_upstream_ties_or_counts_is_left_aside_and_nothing_else() {
    let (config, placement) = (EVEN.config(), cpu(Precision::F32));
    let tied = EVEN.file(&[
        ("text_decoder.cls.predictions.decoder.weight", &[60, 24]),
        ("text_decoder.cls.predictions.decoder.bias", &[60]),
        ("text_decoder.bert.embeddings.position_ids", &[1, 24]),
    ]);
    Network::load(&tied, &config, &placement).unwrap();
    let unknown = EVEN.file(&[("text_encoder.bias", &[5])]);
    let error = Network::load(&unknown, &config, &placement).unwrap_err();
    assert!(error.to_string().contains("text_encoder.bias"), "{error}");
}

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// What upstream reads and writes (`parity/cases/blip.py`).
#[derive(Deserialize)]
struct Texts {
    decoded: Vec<(Vec<u32>, String)>,
    encoded: Vec<(String, Vec<u32>)>,
}

#[test]
fn texts_are_read_and_written_as_upstream() {
    let tokenizer = Tokenizer::load(&data("blip_tokenizer.json"), 41, 40).unwrap();
    let texts = std::fs::read(data("blip_texts.json")).unwrap();
    let texts: Texts = serde_json::from_slice(&texts).unwrap();
    for (tokens, expected) in texts.decoded {
        assert_eq!(tokenizer.text(&tokens), Some(expected), "{tokens:?}");
    }
    for (prompt, expected) in texts.encoded {
        let expected = [&[40], &expected[1..expected.len() - 1]].concat();
        assert_eq!(tokenizer.prompt(Some(&prompt)), Some(expected), "{prompt}");
    }
    assert_eq!(tokenizer.prompt(None), Some(vec![40]));
}

#[test]
fn a_vocabulary_that_the_network_does_not_know_is_refused() {
    let path = data("blip_tokenizer.json");
    let error = Tokenizer::load(&path, 40, 0).unwrap_err().to_string();
    assert!(
        error.ends_with("token 40 is beyond the network's vocabulary of 40"),
        "{error}"
    );
    let error = Tokenizer::load(&data("blip_texts.json"), 40, 0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("blip_texts.json: "), "{error}");
}

/// Upstream's samples are of a picture that is rescaled by a product with 1/255, ours by a quotient.
#[test]
fn pictures_are_stretched_and_normalised_as_upstream() {
    let goldens = Goldens::open("blip");
    for (height, width) in [(40, 61), (500, 400), (1, 7)] {
        let name = format!("blip.picture.{height}x{width}");
        let levels = uniform(&name, height * width * 3).into_iter();
        let levels = levels.map(|u| (128.0 + 128.0 * u) as u8).collect();
        let picture = imaging::RgbImage::from_raw(width as u32, height as u32, levels).unwrap();
        let pixels = RECIPE.apply(&picture).unwrap();
        let expected = goldens.floats(&format!("{name}.samples"));
        for (k, expected) in expected.iter().enumerate() {
            let got = pixels.values()[k * pixels.values().len() / 256];
            assert!(
                (got - expected).abs() <= 1e-6,
                "{name} {k}: {got}, not {expected}"
            );
        }
    }
}

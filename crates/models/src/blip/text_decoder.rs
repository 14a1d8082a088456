//! The text decoder: tokens so far and an image's tokens to scores for the token that comes next.
//!
//! It reads all its weights for every step, whatever the number of rows: all texts that are being written go through it
//! together.

mod layer;
mod memory;

use kernels::{Activation, Attending, Isa};
use weights::Scope;

use super::config::TextConfig;
use crate::interrupt::{Interrupt, Interrupted};
use crate::layers::{FixedKeyValues, KeyValues, LayerNorm, Linear, LinearBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};
use layer::Layer;
pub(super) use memory::Memory;

#[derive(Debug)]
pub(super) struct TextDecoder {
    words: Tensor,     // [vocab, width]
    positions: Tensor, // [positions, width]
    norm: LayerNorm,
    layers: Vec<Layer>,
    transform: Linear,
    transform_norm: LayerNorm,
    vocabulary: Linear,
    width: usize,
    isa: Isa,
}

/// What the decoder knows of an image: for each layer the keys and values of its tokens.
#[derive(Debug)]
pub(super) struct ImageContext(Vec<FixedKeyValues>);

/// A token of a text that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) id: u32,
    /// Its place in the text.
    pub(super) position: usize,
    /// Rows of the memory that hold the text up to this token, itself included: its own comes last.
    pub(super) text: Vec<u32>,
}

impl TextDecoder {
    /// Reads it from `text_decoder` of a checkpoint. `image_width` is the length of an image's token.
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &TextConfig,
        image_width: usize,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let (width, vocabulary, eps) =
            (config.hidden_size, config.vocab_size, config.layer_norm_eps);
        let (bert, head) = (scope.pp("bert"), scope.pp("cls.predictions"));
        let embeddings = bert.pp("embeddings");
        embeddings.ignore("position_ids", "counts from 0");
        head.ignore("decoder.weight", "upstream ties it to the word embeddings");
        head.ignore("decoder.bias", "upstream ties it to cls.predictions.bias");
        let words = embeddings.f32("word_embeddings.weight", &[vocabulary, width])?;
        let places = [config.max_position_embeddings, width];
        let positions = embeddings.f32("position_embeddings.weight", &places)?;
        let bias = head.f32("bias", &[vocabulary])?;
        let layers = bert.pp("encoder.layer");
        let transform = LinearBuilder::load(&head.pp("transform.dense"), width, width)?;
        Ok(Self {
            norm: LayerNorm::load(&embeddings.pp("LayerNorm"), width, eps, placement)?,
            layers: (0..config.num_hidden_layers)
                .map(|i| Layer::load(&layers.pp(i), config, image_width, placement))
                .collect::<Result<_, _>>()?,
            transform: transform.activation(Activation::Gelu).on(placement),
            transform_norm: LayerNorm::load(
                &head.pp("transform.LayerNorm"),
                width,
                eps,
                placement,
            )?,
            vocabulary: LinearBuilder::new(width, vocabulary, &words[..], Some(bias)).on(placement),
            words: Tensor::new(words, &[vocabulary, width]),
            positions: Tensor::new(positions, &places),
            width,
            isa: placement.isa,
        })
    }

    /// What every text about an image needs of it: `tokens` is `[tokens, image_width]`.
    pub(super) fn look_at(
        &self,
        tokens: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<ImageContext, Interrupted> {
        let layers = self.layers.iter().map(|layer| {
            interrupt.check()?;
            Ok(layer.look_at(tokens))
        });
        layers.collect::<Result<_, _>>().map(ImageContext)
    }

    /// The instruction set that it runs on.
    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// A memory of nothing.
    pub(super) fn memory(&self) -> Memory {
        let empty = |_: &Layer| KeyValues::empty(self.width);
        Memory::new(self.layers.iter().map(empty).collect())
    }

    /// Bytes of a memory's row.
    pub(super) fn row_bytes(&self) -> usize {
        self.layers.len() * 2 * self.width * size_of::<f32>()
    }

    /// Bytes of what it needs of an image of `tokens` tokens, or a little more.
    pub(super) fn image_bytes(&self, tokens: usize) -> usize {
        let layers = self.layers.iter();
        layers.map(|layer| layer.image_bytes(tokens)).sum()
    }

    /// Reads `tokens` into their rows of `memory`. `runs` says what image they are about: so many about the first one, then so
    /// many about the second. For each that `wanted` lists, scores for what follows it: `[wanted, vocab]`.
    pub(super) fn read(
        &self,
        memory: &mut Memory,
        runs: &[(&ImageContext, usize)],
        tokens: &[Token],
        wanted: &[u32],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<f32>, Interrupted> {
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let mut x = self.norm.forward(&self.embed(tokens)); // [tokens, width]
        let texts: Vec<_> = tokens
            .iter()
            .map(|token| Attending {
                queries: 1,
                rows: &token.text,
            })
            .collect();
        let rows: Vec<u32> = texts
            .iter()
            .flat_map(|text| text.rows.last())
            .copied()
            .collect();
        for (index, (layer, kept)) in self.layers.iter().zip(memory.layers()).enumerate() {
            interrupt.check()?;
            let seen = runs
                .iter()
                .map(|&(image, tokens)| (&image.0[index], tokens));
            x = layer.forward(&x, kept, &rows, &texts, seen);
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        interrupt.check()?;
        let x = self.transform.forward(&x.gather_rows(wanted));
        let x = self.transform_norm.forward(&x);
        Ok(self.vocabulary.forward(&x).into_vec())
    }

    /// `[tokens, width]`.
    fn embed(&self, tokens: &[Token]) -> Tensor {
        let words: Vec<_> = tokens.iter().map(|token| token.id).collect();
        let positions = tokens.iter().map(|token| token.position as u32);
        let positions = self.positions.gather_rows(&positions.collect::<Vec<_>>());
        self.words.gather_rows(&words).add(&positions)
    }
}

//! The vision tower: an image to tokens that say what is where.

use kernels::Activation;
use weights::Scope;

use super::config::VisionConfig;
use crate::layers::{Attention, LayerNorm, LinearBuilder, PatchEmbedding};
use crate::tensor::Tensor;
use crate::vit::{Block, Vit};
use crate::{LoadError, Placement};

/// Reads the tower from `vision_model` of a checkpoint.
pub(super) fn load(
    scope: &Scope<'_>,
    config: &VisionConfig,
    placement: &Placement,
) -> Result<Vit, LoadError> {
    let (tokens, width) = (config.tokens(), config.hidden_size);
    let embeddings = scope.pp("embeddings");
    let class_token = embeddings.f32("class_embedding", &[1, 1, width])?;
    let positions = embeddings.f32("position_embedding", &[1, tokens, width])?;
    let patches = embeddings.pp("patch_embedding");
    let layers = scope.pp("encoder.layers");
    Ok(Vit {
        patch_embedding: PatchEmbedding::load(&patches, config.patch_size, width, true, placement)?,
        class_token: Tensor::new(class_token, &[1, width]),
        positions: Tensor::new(positions, &[tokens, width]),
        norm_pre: None,
        blocks: (0..config.num_hidden_layers)
            .map(|i| block(&layers.pp(i), config, placement))
            .collect::<Result<_, _>>()?,
        norm: LayerNorm::load(
            &scope.pp("post_layernorm"),
            width,
            config.layer_norm_eps,
            placement,
        )?,
    })
}

fn block(
    scope: &Scope<'_>,
    config: &VisionConfig,
    placement: &Placement,
) -> Result<Block, LoadError> {
    let (width, hidden) = (config.hidden_size, config.intermediate_size);
    let norm = |name| LayerNorm::load(&scope.pp(name), width, config.layer_norm_eps, placement);
    let linear = |name, inputs, outputs| LinearBuilder::load(&scope.pp(name), inputs, outputs);
    let fc1 = linear("mlp.fc1", width, hidden)?.activation(Activation::Gelu);
    Ok(Block {
        norm1: norm("layer_norm1")?,
        qkv: linear("self_attn.qkv", width, 3 * width)?.on(placement),
        attention: Attention::on(config.num_attention_heads, placement),
        proj: linear("self_attn.projection", width, width)?.on(placement),
        norm2: norm("layer_norm2")?,
        fc1: fc1.on(placement),
        fc2: linear("mlp.fc2", hidden, width)?.on(placement),
    })
}

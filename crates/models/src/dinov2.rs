//! DINOv2 ViT-B/14: an image to a vector of what it looks like, learnt without labels or texts.
//!
//! Paper: Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023.
//! Upstream: timm 1.0.31, `VisionTransformer` in `timm/models/vision_transformer.py` as
//! `vit_base_patch14_dinov2.lvd142m` with `num_classes=0`. Weights: `model.safetensors` of the Hub's
//! `timm/vit_base_patch14_dinov2.lvd142m`. Images are taken at 518 by 518, the size of its position embeddings.
//! Deviations: none.

#[cfg(test)]
mod tests;

use kernels::Activation;
use weights::{Checkpoint, Scope};

use crate::image_encoder::{EncodeError, ImageEncoder, batch, vectors};
use crate::interrupt::Interrupt;
use crate::layers::{Attention, LayerNorm, LinearBuilder, PatchEmbedding};
use crate::preprocess::{Pixels, Recipe};
use crate::tensor::Tensor;
use crate::vit::{Block, Config, Vit};
use crate::{LoadError, Placement};

/// How it wants its image.
pub const RECIPE: Recipe = Recipe::image_net(518);

/// The name of its weights in `weights::catalog`.
pub const CATALOGUE_NAME: &str = "dinov2-vit-b-14";

/// Length of a vector.
pub const DIMS: usize = 768;

const CONFIG: Config = Config {
    side: 518,
    patch: 14,
    width: DIMS,
    layers: 12,
    heads: 12,
    eps: 1e-6,
};

/// Billions of floating-point operations that upstream takes for an image, two a multiply-add.
#[must_use]
pub fn gflop() -> f64 {
    CONFIG.gflop()
}

/// The ViT-B/14 of DINOv2.
#[derive(Debug)]
pub struct DinoV2 {
    vit: Vit,
}

impl DinoV2 {
    /// Reads it from its weights file.
    ///
    /// # Errors
    /// When the file has other tensors than the model needs.
    pub fn load(checkpoint: &Checkpoint, placement: &Placement) -> Result<Self, LoadError> {
        Ok(Self {
            vit: load(checkpoint, &CONFIG, placement)?,
        })
    }
}

impl ImageEncoder for DinoV2 {
    fn recipe(&self) -> Recipe {
        RECIPE
    }

    fn dims(&self) -> usize {
        DIMS
    }

    fn encode(
        &self,
        images: &[&Pixels],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels = batch(images, RECIPE.side())?;
        Ok(vectors(&self.vit.forward(&pixels, interrupt)?))
    }
}

/// The network of any size.
fn load(checkpoint: &Checkpoint, config: &Config, placement: &Placement) -> Result<Vit, LoadError> {
    let root = checkpoint.root();
    root.ignore("mask_token", "stands for hidden patches in training only");
    let (tokens, width) = (config.tokens(), config.width);
    let class_token = root.f32("cls_token", &[1, 1, width])?;
    let positions = root.f32("pos_embed", &[1, tokens, width])?;
    let patches = root.pp("patch_embed.proj");
    let vit = Vit {
        patch_embedding: PatchEmbedding::load(&patches, config.patch, width, true, placement)?,
        class_token: Tensor::new(class_token, &[1, width]),
        positions: Tensor::new(positions, &[tokens, width]),
        norm_pre: None,
        blocks: (0..config.layers)
            .map(|i| block(&root.pp("blocks").pp(i), config, placement))
            .collect::<Result<_, _>>()?,
        norm: LayerNorm::load(&root.pp("norm"), width, config.eps, placement)?,
    };
    checkpoint.finish()?;
    Ok(vit)
}

fn block(scope: &Scope<'_>, config: &Config, placement: &Placement) -> Result<Block, LoadError> {
    let (width, hidden) = (config.width, config.hidden());
    let norm = |name| LayerNorm::load(&scope.pp(name), width, config.eps, placement);
    let linear = |name, inputs, outputs| LinearBuilder::load(&scope.pp(name), inputs, outputs);
    let proj = linear("attn.proj", width, width)?.layer_scale(&scope.pp("ls1"))?;
    let fc1 = linear("mlp.fc1", width, hidden)?.activation(Activation::Gelu);
    let fc2 = linear("mlp.fc2", hidden, width)?.layer_scale(&scope.pp("ls2"))?;
    Ok(Block {
        norm1: norm("norm1")?,
        qkv: linear("attn.qkv", width, 3 * width)?.on(placement),
        attention: Attention::on(config.heads, placement),
        proj: proj.on(placement),
        norm2: norm("norm2")?,
        fc1: fc1.on(placement),
        fc2: fc2.on(placement),
    })
}

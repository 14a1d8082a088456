//! CLIP's image towers: an image to a vector that lies near those of texts which describe it.
//!
//! Paper: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021.
//! Upstream: `open_clip` 3.3.0, `VisionTransformer` in `open_clip/transformer.py`, with QuickGELU. Weights:
//! `open_clip_model.safetensors` of the Hub's `timm/vit_…_clip_….openai`, whose text tower is left unread.
//! Deviations: none.

#[cfg(test)]
mod tests;
mod variant;

use kernels::Activation;
use weights::{Checkpoint, Scope};

use crate::image_encoder::{EncodeError, ImageEncoder, batch, vectors};
use crate::interrupt::{Interrupt, Interrupted};
use crate::layers::{Attention, LayerNorm, Linear, LinearBuilder, PatchEmbedding};
use crate::preprocess::{Pixels, Recipe};
use crate::tensor::Tensor;
use crate::vit::{Block, Config, Vit};
use crate::{LoadError, Placement};
pub use variant::{UnknownVariant, Variant};

/// Tensors of the text tower, which an image does not pass.
const TEXT_TOWER: [&str; 6] = [
    "positional_embedding",
    "text_projection",
    "logit_scale",
    "token_embedding.*",
    "transformer.*",
    "ln_final.*",
];

/// An image tower of CLIP.
#[derive(Debug)]
pub struct Clip {
    tower: Tower,
    variant: Variant,
}

impl Clip {
    /// Reads `variant` from its weights file.
    ///
    /// # Errors
    /// When the file has other tensors than the variant needs.
    pub fn load(
        checkpoint: &Checkpoint,
        variant: Variant,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let tower = Tower::load(checkpoint, &variant.config(), variant.dims(), placement)?;
        Ok(Self { tower, variant })
    }
}

impl ImageEncoder for Clip {
    fn recipe(&self) -> Recipe {
        self.variant.recipe()
    }

    fn dims(&self) -> usize {
        self.variant.dims()
    }

    fn encode(
        &self,
        images: &[&Pixels],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels = batch(images, self.recipe().side())?;
        Ok(vectors(&self.tower.forward(&pixels, interrupt)?))
    }
}

/// The network of any size.
#[derive(Debug)]
struct Tower {
    vit: Vit,
    proj: Linear,
}

impl Tower {
    fn load(
        checkpoint: &Checkpoint,
        config: &Config,
        dims: usize,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let root = checkpoint.root();
        for name in TEXT_TOWER {
            root.ignore(name, "belongs to the text tower");
        }
        let (tokens, width) = (config.tokens(), config.width);
        let visual = root.pp("visual");
        let norm = |name| LayerNorm::load(&visual.pp(name), width, config.eps, placement);
        let class_token = visual.f32("class_embedding", &[width])?;
        let positions = visual.f32("positional_embedding", &[tokens, width])?;
        let conv1 = visual.pp("conv1");
        let resblocks = visual.pp("transformer.resblocks");
        let proj = LinearBuilder::load_transposed(&visual, "proj", width, dims)?;
        let vit = Vit {
            patch_embedding: PatchEmbedding::load(&conv1, config.patch, width, false, placement)?,
            class_token: Tensor::new(class_token, &[1, width]),
            positions: Tensor::new(positions, &[tokens, width]),
            norm_pre: Some(norm("ln_pre")?),
            blocks: (0..config.layers)
                .map(|i| block(&resblocks.pp(i), config, placement))
                .collect::<Result<_, _>>()?,
            norm: norm("ln_post")?,
        };
        let proj = proj.on(placement);
        checkpoint.finish()?;
        Ok(Self { vit, proj })
    }

    /// `[batch, side, side, 3]` to `[batch, dims]`.
    fn forward(&self, pixels: &Tensor, interrupt: Interrupt<'_>) -> Result<Tensor, Interrupted> {
        Ok(self.proj.forward(&self.vit.forward(pixels, interrupt)?))
    }
}

fn block(scope: &Scope<'_>, config: &Config, placement: &Placement) -> Result<Block, LoadError> {
    let (width, hidden) = (config.width, config.hidden());
    let norm = |name| LayerNorm::load(&scope.pp(name), width, config.eps, placement);
    let linear = |name, inputs, outputs| LinearBuilder::load(&scope.pp(name), inputs, outputs);
    let names = ["in_proj_weight", "in_proj_bias"];
    let qkv = LinearBuilder::load_named(&scope.pp("attn"), names, width, 3 * width)?;
    let fc1 = linear("mlp.c_fc", width, hidden)?.activation(Activation::QuickGelu);
    Ok(Block {
        norm1: norm("ln_1")?,
        qkv: qkv.on(placement),
        attention: Attention::on(config.heads, placement),
        proj: linear("attn.out_proj", width, width)?.on(placement),
        norm2: norm("ln_2")?,
        fc1: fc1.on(placement),
        fc2: linear("mlp.c_proj", hidden, width)?.on(placement),
    })
}

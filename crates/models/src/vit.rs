//! The trunk that CLIP's image towers and DINOv2 share: a vision transformer read at its class token.
//!
//! Paper: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021. The models name their tensors differently and put
//! this together from parts; deviations are theirs to state.

#[cfg(test)]
pub(crate) mod goldens;

use crate::interrupt::{Interrupt, Interrupted};
use crate::layers::{Attention, LayerNorm, Linear, PatchEmbedding};
use crate::tensor::Tensor;

/// Sizes of a vision transformer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// Side of the image in pixels.
    pub(crate) side: usize,
    /// Side of a patch in pixels; divides `side`.
    pub(crate) patch: usize,
    /// Length of a token.
    pub(crate) width: usize,
    /// Number of blocks.
    pub(crate) layers: usize,
    /// Heads of an attention; divides `width`.
    pub(crate) heads: usize,
    /// Added to the variance in every norm.
    pub(crate) eps: f64,
}

impl Config {
    /// Length of a token inside a block's MLP.
    pub(crate) fn hidden(&self) -> usize {
        4 * self.width
    }

    /// One for each patch, and the class token.
    pub(crate) fn tokens(&self) -> usize {
        (self.side / self.patch).pow(2) + 1
    }

    /// Billions of floating-point operations for an image, two a multiply-add: matrix products and attention, as upstream
    /// computes them.
    pub(crate) fn gflop(&self) -> f64 {
        gflop(
            self.tokens(),
            self.patch,
            [self.width, self.hidden()],
            self.layers,
        )
    }
}

/// The same for sizes of any make: `widths` are those of a token outside a block's MLP and inside it.
pub(crate) fn gflop(tokens: usize, patch: usize, widths: [usize; 2], layers: usize) -> f64 {
    let [width, hidden] = widths.map(|n| n as f64);
    let tokens = tokens as f64;
    let patches = (tokens - 1.0) * width * (patch * patch * 3) as f64;
    let linear = tokens * width * (4.0 * width + 2.0 * hidden);
    let attention = 2.0 * tokens * tokens * width;
    2e-9 * (patches + layers as f64 * (linear + attention))
}

#[derive(Debug)]
pub(crate) struct Vit {
    pub(crate) patch_embedding: PatchEmbedding,
    pub(crate) class_token: Tensor, // [1, width]
    pub(crate) positions: Tensor,   // [tokens, width], the class token's first
    pub(crate) norm_pre: Option<LayerNorm>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: LayerNorm,
}

impl Vit {
    /// `[batch, side, side, 3]` to the class tokens after the final norm, `[batch, width]`.
    pub(crate) fn forward(
        &self,
        pixels: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Tensor, Interrupted> {
        interrupt.check()?;
        let x = self.embed(pixels); // [batch, tokens, width]
        let x = self.trunk(x, interrupt)?; // [batch, width]
        Ok(self.norm.forward(&x))
    }

    /// `[batch, side, side, 3]` to all tokens after the final norm, `[batch, tokens, width]`.
    pub(crate) fn tokens(
        &self,
        pixels: &Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Tensor, Interrupted> {
        interrupt.check()?;
        let mut x = self.embed(pixels);
        let tokens = x.shape()[1];
        for block in &self.blocks {
            x = block.forward(&x, tokens, interrupt)?;
        }
        Ok(self.norm.forward(&x))
    }

    /// The tokens that go into the first block: `[batch, tokens, width]`.
    pub(crate) fn embed(&self, pixels: &Tensor) -> Tensor {
        let patches = self.patch_embedding.forward(pixels); // [batch, patches, width]
        let [batch, _, width] = patches.dims();
        let class_tokens = self.class_token.gather_rows(&vec![0; batch]);
        let class_tokens = class_tokens.reshape(&[batch, 1, width]);
        let x = Tensor::concatenate(&[class_tokens, patches], 1).add(&self.positions);
        match &self.norm_pre {
            Some(norm) => norm.forward(&x),
            None => x,
        }
    }

    /// All blocks; of the last one's answer, the class tokens: `[batch, width]`. Nothing after the last block's keys
    /// and values mixes tokens, so its queries, its MLP and the final norm are computed for the class tokens alone.
    pub(crate) fn trunk(
        &self,
        mut x: Tensor,
        interrupt: Interrupt<'_>,
    ) -> Result<Tensor, Interrupted> {
        let [batch, tokens, width] = x.dims();
        for (i, block) in self.blocks.iter().enumerate() {
            let last = i + 1 == self.blocks.len();
            x = block.forward(&x, if last { 1 } else { tokens }, interrupt)?;
        }
        Ok(x.narrow(1, 0, 1).reshape(&[batch, width]))
    }
}

/// Attention and an MLP, each on normed tokens and added to what came in.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) norm1: LayerNorm,
    pub(crate) qkv: Linear,
    pub(crate) attention: Attention,
    pub(crate) proj: Linear,
    pub(crate) norm2: LayerNorm,
    pub(crate) fc1: Linear, // with the activation
    pub(crate) fc2: Linear,
}

impl Block {
    /// `[batch, tokens, width]` to the first `kept` tokens of the answer, `[batch, kept, width]`. A block of a thousand tokens
    /// takes two threads some 60 ms, and as many times that as there are images, so it asks before each of its parts.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        kept: usize,
        interrupt: Interrupt<'_>,
    ) -> Result<Tensor, Interrupted> {
        interrupt.check()?;
        let qkv = self.qkv.forward(&self.norm1.forward(x)); // [batch, tokens, 3 * width]
        interrupt.check()?;
        let attended = self.attention.forward(&qkv, kept); // [batch, kept, width]
        interrupt.check()?;
        let x = x.narrow(1, 0, kept);
        let x = self.proj.forward_residual(&attended, &x);
        interrupt.check()?;
        let hidden = self.fc1.forward(&self.norm2.forward(&x)); // [batch, kept, 4 * width]
        interrupt.check()?;
        Ok(self.fc2.forward_residual(&hidden, &x))
    }
}

use kernels::{Activation, Attending};
use weights::Scope;

use super::TextConfig;
use crate::layers::{Attention, FixedKeyValues, KeyValues, LayerNorm, Linear, LinearBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// Attention to the text so far, attention to the image, and an MLP; each added to what came in, and normed afterwards.
#[derive(Debug)]
pub(super) struct Layer {
    attention: Attention,
    qkv: Linear,
    output: AddNorm,
    image_query: Linear,
    image_key: Linear,
    image_value: Linear,
    image_output: AddNorm,
    intermediate: Linear, // with the activation
    mlp_output: AddNorm,
    width: usize,
}

/// A linear layer whose answer is added to another input, and the norm of the sum.
#[derive(Debug)]
struct AddNorm {
    dense: Linear,
    norm: LayerNorm,
}

impl Layer {
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &TextConfig,
        image_width: usize,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let (width, hidden) = (config.hidden_size, config.intermediate_size);
        let add_norm = |name, inputs| AddNorm::load(&scope.pp(name), inputs, config, placement);
        let cross = scope.pp("crossattention.self");
        let linear = |scope: Scope<'_>, inputs, outputs| -> Result<Linear, LoadError> {
            Ok(LinearBuilder::load(&scope, inputs, outputs)?.on(placement))
        };
        let intermediate = LinearBuilder::load(&scope.pp("intermediate.dense"), width, hidden)?;
        Ok(Self {
            attention: Attention::on(config.num_attention_heads, placement),
            qkv: qkv(&scope.pp("attention.self"), width)?.on(placement),
            output: add_norm("attention.output", width)?,
            image_query: linear(cross.pp("query"), width, width)?,
            image_key: linear(cross.pp("key"), image_width, width)?,
            image_value: linear(cross.pp("value"), image_width, width)?,
            image_output: add_norm("crossattention.output", width)?,
            intermediate: intermediate.activation(Activation::Gelu).on(placement),
            mlp_output: add_norm("output", hidden)?,
            width,
        })
    }

    /// Keys and values of an image's tokens, `[tokens, image_width]`.
    pub(super) fn look_at(&self, tokens: &Tensor) -> FixedKeyValues {
        self.attention.fix(
            &self.image_key.forward(tokens),
            &self.image_value.forward(tokens),
        )
    }

    /// Bytes of what [`look_at`](Self::look_at) makes of so many tokens, or a little more.
    pub(super) fn image_bytes(&self, tokens: usize) -> usize {
        self.attention.fixed_bytes(tokens, self.width)
    }

    /// `x`, `[tokens, width]`, to the same. `kept` takes the tokens' own keys and values at `rows`; `texts` says which rows of it
    /// each token sees, and `seen` which image each run of tokens sees.
    pub(super) fn forward<'a>(
        &self,
        x: &Tensor,
        kept: &mut KeyValues,
        rows: &[u32],
        texts: &[Attending<'_>],
        seen: impl Iterator<Item = (&'a FixedKeyValues, usize)>,
    ) -> Tensor {
        let qkv = self.qkv.forward(x); // [tokens, 3 * width]
        let part = |i| qkv.narrow(1, i * self.width, self.width);
        kept.write(rows, &part(1), &part(2));
        let attended = self.attention.over(&part(0), kept, texts);
        let x = self.output.forward(&attended, x);

        let queries = self.image_query.forward(&x);
        let mut first = 0;
        let mut answers = Vec::new();
        for (image, tokens) in seen {
            let queries = queries.narrow(0, first, tokens);
            answers.push(self.attention.over_fixed(&queries, image));
            first += tokens;
        }
        let x = self
            .image_output
            .forward(&Tensor::concatenate(&answers, 0), &x);

        self.mlp_output.forward(&self.intermediate.forward(&x), &x)
    }
}

impl AddNorm {
    fn load(
        scope: &Scope<'_>,
        inputs: usize,
        config: &TextConfig,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let (width, eps) = (config.hidden_size, config.layer_norm_eps);
        Ok(Self {
            dense: LinearBuilder::load(&scope.pp("dense"), inputs, width)?.on(placement),
            norm: LayerNorm::load(&scope.pp("LayerNorm"), width, eps, placement)?,
        })
    }

    fn forward(&self, x: &Tensor, residual: &Tensor) -> Tensor {
        self.norm.forward(&self.dense.forward_residual(x, residual))
    }
}

/// Upstream's three linear layers of one input as one.
fn qkv(scope: &Scope<'_>, width: usize) -> Result<LinearBuilder<'static>, LoadError> {
    let mut weight = Vec::with_capacity(3 * width * width);
    let mut bias = Vec::with_capacity(3 * width);
    for name in ["query", "key", "value"] {
        let scope = scope.pp(name);
        weight.extend_from_slice(&scope.f32_cow("weight", &[width, width])?);
        bias.extend(scope.f32("bias", &[width])?);
    }
    Ok(LinearBuilder::new(width, 3 * width, weight, Some(bias)))
}

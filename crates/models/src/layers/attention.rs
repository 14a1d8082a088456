use candle_core::{D, Tensor};

use crate::Placement;

/// Softmax attention of several heads, without the linear layers around it. Its products are f32 at either precision.
#[derive(Clone, Debug)]
pub(crate) struct Attention {
    heads: usize,
}

impl Attention {
    /// `heads` divides the width of what it is given.
    pub(crate) fn on(heads: usize, _placement: &Placement) -> Self {
        Self { heads }
    }

    /// Queries, keys and values side by side, `[batch, tokens, 3 · width]`, to the answers for the first `queries`
    /// tokens, `[batch, queries, width]`. Every token is attended to.
    pub(crate) fn forward(&self, qkv: &Tensor, queries: usize) -> candle_core::Result<Tensor> {
        let (batch, tokens, columns) = qkv.dims3()?;
        let width = columns / 3;
        let head_width = width / self.heads;
        let heads = qkv.reshape((batch, tokens, 3, self.heads, head_width))?;
        let part = |i| -> candle_core::Result<Tensor> {
            heads.narrow(2, i, 1)?.squeeze(2)?.transpose(1, 2) // [batch, heads, tokens, head_width]
        };
        let q = (part(0)?.narrow(2, 0, queries)? / (head_width as f64).sqrt())?;
        let k = part(1)?.contiguous()?;
        let v = part(2)?.contiguous()?;
        let scores = q.contiguous()?.matmul(&k.t()?)?; // [batch, heads, queries, tokens]
        let exp = scores
            .broadcast_sub(&scores.max_keepdim(D::Minus1)?)?
            .exp()?;
        let answers = exp
            .matmul(&v)?
            .broadcast_div(&exp.sum_keepdim(D::Minus1)?)?; // [batch, heads, queries, head_width]
        answers.transpose(1, 2)?.reshape((batch, queries, width))
    }
}

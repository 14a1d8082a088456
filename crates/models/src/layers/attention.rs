use candle_core::{CpuStorage, CustomOp1, D, Layout, Shape, Tensor, bail};
use kernels::{AttentionShape, Isa, Precision};

use super::contiguous;
use crate::Placement;

/// Softmax attention of several heads, without the linear layers around it. At bf16 its products are bf16 only where the
/// processor multiplies bf16 itself, and f32 elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Attention {
    pub(super) heads: usize,
    pub(super) isa: Isa,
    pub(super) precision: Precision,
}

impl Attention {
    /// `heads` divides the width of what it is given.
    pub(crate) fn on(heads: usize, placement: &Placement) -> Self {
        Self {
            heads,
            isa: placement.isa,
            precision: placement.precision,
        }
    }

    /// Queries, keys and values side by side, `[batch, tokens, 3 · width]`, to the answers for the first `queries`
    /// tokens, `[batch, queries, width]`. Every token is attended to.
    pub(crate) fn forward(&self, qkv: &Tensor, queries: usize) -> candle_core::Result<Tensor> {
        if qkv.device().is_cpu() {
            let attention = self;
            return qkv
                .contiguous()?
                .apply_op1_no_bwd(&Kernel { attention, queries });
        }
        self.forward_tensors(qkv, queries)
    }

    /// The same for candle's own operations.
    fn forward_tensors(&self, qkv: &Tensor, queries: usize) -> candle_core::Result<Tensor> {
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

struct Kernel<'a> {
    attention: &'a Attention,
    queries: usize,
}

impl CustomOp1 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let Attention {
            heads,
            isa,
            precision,
        } = *self.attention;
        let (batch, tokens, columns) = layout.shape().dims3()?;
        let queries = self.queries;
        if columns == 0 || columns % (3 * heads) != 0 || !(1..=tokens).contains(&queries) {
            bail!(
                "attention of {heads} heads and {queries} queries cannot take {:?}",
                layout.shape()
            );
        }
        let shape = AttentionShape {
            batch,
            tokens,
            queries,
            heads,
            head_size: columns / 3 / heads,
        };
        let output = kernels::attention(isa, precision, contiguous(storage, layout)?, shape);
        Ok((
            CpuStorage::F32(output),
            (batch, queries, columns / 3).into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};
    use kernels::Precision;

    use super::Attention;
    use crate::Placement;
    use crate::layers::test_numbers;

    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let qkv = Tensor::from_vec(test_numbers(2 * 19 * 72, 0.3), (2, 19, 72), &Device::Cpu)?;
        let attention = Attention::on(3, &Placement::new(Device::Cpu, Precision::F32));
        for queries in [1, 7, 19] {
            let kernel = attention.forward(&qkv, queries)?;
            let tensors = attention.forward_tensors(&qkv, queries)?;
            let difference = (kernel - tensors)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(difference <= 1e-5, "{queries} queries: {difference}");
        }
        Ok(())
    }

    #[test]
    fn an_activation_that_does_not_fit_is_an_error() -> Result<()> {
        let qkv = Tensor::from_vec(test_numbers(2 * 19 * 70, 0.3), (2, 19, 70), &Device::Cpu)?;
        let attention = Attention::on(3, &Placement::new(Device::Cpu, Precision::F32));
        let message = attention.forward(&qkv, 1).unwrap_err().to_string();
        assert!(message.contains("3 heads and 1 queries"), "{message}");
        Ok(())
    }
}

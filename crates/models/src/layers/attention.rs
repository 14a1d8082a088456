use kernels::{AttentionShape, Isa, Precision};

use crate::Placement;
use crate::tensor::Tensor;

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
    pub(crate) fn forward(&self, qkv: &Tensor, queries: usize) -> Tensor {
        let [batch, tokens, columns] = qkv.dims();
        let heads = self.heads;
        assert!(
            columns.is_multiple_of(3 * heads),
            "attention of {heads} heads cannot take {qkv:?}"
        );
        let width = columns / 3;
        let shape = AttentionShape {
            batch,
            tokens,
            queries,
            heads,
            head_size: width / heads,
        };
        let answers = kernels::attention(self.isa, self.precision, qkv.values(), shape);
        Tensor::new(answers, &[batch, queries, width])
    }
}

#[cfg(test)]
mod tests {
    use kernels::Precision;

    use super::Attention;
    use crate::Placement;
    use crate::layers::test_numbers;

    #[test]
    #[should_panic(expected = "3 heads cannot take [2, 19, 70]")]
    fn an_activation_that_does_not_fit_is_a_bug() {
        let attention = Attention::on(3, &Placement::new(Precision::F32));
        let _ = attention.forward(&test_numbers(&[2, 19, 70], 0.3), 1);
    }
}

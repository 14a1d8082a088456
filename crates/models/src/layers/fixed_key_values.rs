use candle_core::{Tensor, bail};
use kernels::{Attending, PackedKeyValues, Precision};

use super::{Attention, with_numbers};

/// Keys and values that are all there before the first query comes, and that every query sees. At bf16 they are bf16 where
/// that is so of [`Attention`].
#[derive(Clone, Debug)]
pub(crate) enum FixedKeyValues {
    Packed(PackedKeyValues),
    Tensors { keys: Tensor, values: Tensor }, // each [rows, width]
}

impl Attention {
    /// Bytes of `rows` rows of `width` numbers that [`Attention::fix`] has made ready, or a little more: rows and a head's
    /// numbers are filled up to whole panels, which are narrower on some processors.
    pub(crate) fn fixed_bytes(&self, rows: usize, width: usize) -> usize {
        const WORD: usize = size_of::<u32>();
        const PANEL: usize = 32;
        let pairs = self.precision == Precision::Bf16 && self.isa.multiplies_bf16();
        let terms = if pairs { 2 } else { 1 };
        let size = width / self.heads;
        let keys = size.div_ceil(terms) * rows.next_multiple_of(PANEL);
        let values = rows.div_ceil(terms) * size.next_multiple_of(PANEL);
        self.heads * (keys + values) * WORD
    }

    /// Makes `keys` and `values`, each `[rows, width]`, ready to be attended to by [`Attention::over_fixed`].
    pub(crate) fn fix(
        &self,
        keys: &Tensor,
        values: &Tensor,
    ) -> candle_core::Result<FixedKeyValues> {
        let (rows, width) = keys.dims2()?;
        if rows == 0 || values.dims() != [rows, width] {
            bail!(
                "keys of {:?} and values of {:?}",
                keys.shape(),
                values.shape()
            );
        }
        let (keys, values) = (keys.contiguous()?, values.contiguous()?);
        if !keys.device().is_cpu() {
            return Ok(FixedKeyValues::Tensors { keys, values });
        }
        with_numbers(&keys, |keys| {
            with_numbers(&values, |values| {
                PackedKeyValues::new(self.isa, self.precision, keys, values, width, self.heads)
            })
        })?
        .map(FixedKeyValues::Packed)
    }

    /// The answers to `queries`, `[queries, width]`, which all attend to everything in `fixed`.
    pub(crate) fn over_fixed(
        &self,
        queries: &Tensor,
        fixed: &FixedKeyValues,
    ) -> candle_core::Result<Tensor> {
        let (count, width) = queries.dims2()?;
        match fixed {
            FixedKeyValues::Packed(packed) => {
                if width != packed.width() {
                    bail!(
                        "queries of {:?} for rows of {}",
                        queries.shape(),
                        packed.width()
                    );
                }
                let answers = with_numbers(&queries.contiguous()?, |it| packed.attend(it))?;
                Tensor::from_vec(answers, (count, width), queries.device())
            }
            FixedKeyValues::Tensors { keys, values } => {
                let rows: Vec<u32> = (0..keys.dim(0)? as u32).collect();
                let group = Attending {
                    queries: count,
                    rows: &rows,
                };
                self.over_tensors(queries, keys, values, &[group])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};
    use kernels::Precision;

    use super::FixedKeyValues;
    use crate::Placement;
    use crate::layers::{Attention, test_numbers};

    #[test]
    fn over_fixed_keys_and_values_kernels_and_candle_operations_agree() -> Result<()> {
        let numbers = |count: usize, seed| {
            Tensor::from_vec(test_numbers(count * 24, seed), (count, 24), &Device::Cpu)
        };
        let attention = Attention::on(3, &Placement::new(Device::Cpu, Precision::F32));
        let (keys, values, queries) = (numbers(9, 0.1)?, numbers(9, 0.2)?, numbers(4, 0.3)?);
        let packed = attention.fix(&keys, &values)?;
        let tensors = FixedKeyValues::Tensors { keys, values };
        let kernel = attention.over_fixed(&queries, &packed)?;
        let tensors = attention.over_fixed(&queries, &tensors)?;
        let difference = (kernel - tensors)?.abs()?.max_all()?.to_scalar::<f32>()?;
        assert!(difference <= 1e-5, "{difference}");
        let narrow = queries.narrow(1, 0, 21)?;
        let message = attention
            .over_fixed(&narrow, &packed)
            .unwrap_err()
            .to_string();
        assert!(message.contains("for rows of 24"), "{message}");
        let message = attention
            .fix(&queries, &numbers(9, 0.2)?)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("keys of [4, 24] and values of [9, 24]"),
            "{message}"
        );
        Ok(())
    }
}

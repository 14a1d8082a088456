use candle_core::{D, DType, Device, Tensor, bail};
use kernels::{Attending, CachedRows, PackedKeyValues};

use super::{Attention, with_numbers};

/// Keys and values that a decoder keeps, a row a token, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct KeyValues {
    rows: Rows,
    width: usize,
}

#[derive(Clone, Debug)]
enum Rows {
    Slices { keys: Vec<f32>, values: Vec<f32> }, // each [rows, width]
    Tensors { keys: Tensor, values: Tensor },    // each [rows, width]
}

impl KeyValues {
    /// Nothing yet; rows will have `width` numbers.
    pub(crate) fn empty(width: usize, device: &Device) -> candle_core::Result<Self> {
        let rows = if device.is_cpu() {
            Rows::Slices {
                keys: Vec::new(),
                values: Vec::new(),
            }
        } else {
            let nothing = Tensor::zeros((0, width), DType::F32, device)?;
            Rows::Tensors {
                keys: nothing.clone(),
                values: nothing,
            }
        };
        Ok(Self { rows, width })
    }

    /// `keys` and `values`, each `[rows, width]`, after those already here. What is here is not moved.
    pub(crate) fn append(&mut self, keys: &Tensor, values: &Tensor) -> candle_core::Result<()> {
        if keys.dims2()?.1 != self.width || keys.shape() != values.shape() {
            bail!(
                "keys of {:?} and values of {:?} for rows of {}",
                keys.shape(),
                values.shape(),
                self.width
            );
        }
        match &mut self.rows {
            Rows::Slices {
                keys: old_keys,
                values: old_values,
            } => {
                with_numbers(&keys.contiguous()?, |it| old_keys.extend_from_slice(it))?;
                with_numbers(&values.contiguous()?, |it| old_values.extend_from_slice(it))?;
            }
            Rows::Tensors {
                keys: old_keys,
                values: old_values,
            } => {
                *old_keys = Tensor::cat(&[&*old_keys, keys], 0)?;
                *old_values = Tensor::cat(&[&*old_values, values], 0)?;
            }
        }
        Ok(())
    }
}

/// Keys and values that are all there before the first query comes, and that every query sees. At bf16 they are bf16 where
/// that is so of [`Attention`].
#[derive(Clone, Debug)]
pub(crate) enum FixedKeyValues {
    Packed(PackedKeyValues),
    Tensors { keys: Tensor, values: Tensor }, // each [rows, width]
}

impl Attention {
    /// The answers to `queries`, `[queries, width]`, where each of `groups` attends to rows of its own in `kept`.
    pub(crate) fn over(
        &self,
        queries: &Tensor,
        kept: &KeyValues,
        groups: &[Attending<'_>],
    ) -> candle_core::Result<Tensor> {
        let count: usize = groups.iter().map(|group| group.queries).sum();
        if queries.dims2()? != (count, kept.width) {
            bail!(
                "queries of {:?} for {count} rows of {}",
                queries.shape(),
                kept.width
            );
        }
        match &kept.rows {
            Rows::Slices { keys, values } => {
                let cache = CachedRows { keys, values };
                let answers = with_numbers(&queries.contiguous()?, |queries| {
                    kernels::cached_attention(
                        self.isa, queries, cache, kept.width, self.heads, groups,
                    )
                })?;
                Tensor::from_vec(answers, (count, kept.width), queries.device())
            }
            Rows::Tensors { keys, values } => self.over_tensors(queries, keys, values, groups),
        }
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

    /// The same for candle's own operations.
    fn over_tensors(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        groups: &[Attending<'_>],
    ) -> candle_core::Result<Tensor> {
        let (_, width) = queries.dims2()?;
        let head_width = width / self.heads;
        let by_head = |rows: &Tensor| -> candle_core::Result<Tensor> {
            let count = rows.dim(0)?;
            let heads = rows.reshape((count, self.heads, head_width))?;
            heads.transpose(0, 1)?.contiguous() // [heads, count, head_width]
        };
        let mut answers = Vec::with_capacity(groups.len());
        let mut first = 0;
        for group in groups {
            let rows = Tensor::new(group.rows, queries.device())?;
            let q = by_head(&queries.narrow(0, first, group.queries)?)?;
            let k = by_head(&keys.index_select(&rows, 0)?)?;
            let v = by_head(&values.index_select(&rows, 0)?)?;
            let scores = (q.matmul(&k.t()?)? / (head_width as f64).sqrt())?;
            let exp = scores
                .broadcast_sub(&scores.max_keepdim(D::Minus1)?)?
                .exp()?;
            let mixed = exp
                .matmul(&v)?
                .broadcast_div(&exp.sum_keepdim(D::Minus1)?)?; // [heads, queries, head_width]
            answers.push(mixed.transpose(0, 1)?.reshape((group.queries, width))?);
            first += group.queries;
        }
        Tensor::cat(&answers, 0)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};
    use kernels::{Attending, Precision};

    use super::{FixedKeyValues, KeyValues};
    use crate::Placement;
    use crate::layers::{Attention, test_numbers};

    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let numbers = |count: usize, seed| {
            Tensor::from_vec(test_numbers(count * 24, seed), (count, 24), &Device::Cpu)
        };
        let attention = Attention::on(3, &Placement::new(Device::Cpu, Precision::F32));
        let (keys, values) = (numbers(9, 0.1)?, numbers(9, 0.2)?);
        let mut kept = KeyValues::empty(24, &Device::Cpu)?;
        for (first, count) in [(0, 4), (4, 1), (5, 4)] {
            let part = |rows: &Tensor| rows.narrow(0, first, count);
            kept.append(&part(&keys)?, &part(&values)?)?;
        }
        let queries = numbers(4, 0.3)?;
        let groups = [
            Attending {
                queries: 3,
                rows: &[8, 0, 4, 5],
            },
            Attending {
                queries: 1,
                rows: &[2],
            },
        ];
        let kernel = attention.over(&queries, &kept, &groups)?;
        let tensors = attention.over_tensors(&queries, &keys, &values, &groups)?;
        let difference = (kernel - tensors)?.abs()?.max_all()?.to_scalar::<f32>()?;
        assert!(difference <= 1e-5, "{difference}");
        Ok(())
    }

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

    #[test]
    fn rows_and_queries_that_do_not_fit_are_errors() -> Result<()> {
        let rows = |count: usize, width: usize| {
            Tensor::from_vec(
                test_numbers(count * width, 0.1),
                (count, width),
                &Device::Cpu,
            )
        };
        let mut kept = KeyValues::empty(6, &Device::Cpu)?;
        let message = kept
            .append(&rows(2, 5)?, &rows(2, 5)?)
            .unwrap_err()
            .to_string();
        assert!(message.contains("for rows of 6"), "{message}");
        kept.append(&rows(2, 6)?, &rows(2, 6)?)?;
        let attention = Attention::on(2, &Placement::new(Device::Cpu, Precision::F32));
        let group = Attending {
            queries: 2,
            rows: &[1],
        };
        let message = attention.over(&rows(1, 6)?, &kept, &[group]).unwrap_err();
        assert!(message.to_string().contains("for 2 rows of 6"), "{message}");
        Ok(())
    }
}

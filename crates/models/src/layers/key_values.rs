use candle_core::{D, Device, Tensor, bail};
use kernels::{Attending, CachedRows};

use super::{Attention, with_numbers};

/// Keys and values that a decoder keeps, a row a token. A row may be written over.
#[derive(Clone, Debug)]
pub(crate) struct KeyValues {
    rows: Rows,
    width: usize,
}

#[derive(Clone, Debug)]
enum Rows {
    Slices { keys: Vec<f32>, values: Vec<f32> }, // each [rows, width]
    Tensors(Option<[Tensor; 2]>),                // keys and values, each [rows, width]
}

impl KeyValues {
    /// Nothing yet; rows will have `width` numbers.
    pub(crate) fn empty(width: usize, device: &Device) -> Self {
        let rows = if device.is_cpu() {
            Rows::Slices {
                keys: Vec::new(),
                values: Vec::new(),
            }
        } else {
            Rows::Tensors(None)
        };
        Self { rows, width }
    }

    /// Makes room for `rows` rows in all, and no more. On other devices than a processor there is always as much as is
    /// written.
    pub(crate) fn reserve(&mut self, rows: usize) {
        if let Rows::Slices { keys, values } = &mut self.rows {
            for numbers in [keys, values] {
                numbers.reserve_exact((rows * self.width).saturating_sub(numbers.len()));
            }
        }
    }

    /// Writes `keys` and `values`, each `[rows, width]`, to the rows of these numbers, whatever those held. Other rows stay as
    /// they are.
    pub(crate) fn write(
        &mut self,
        rows: &[u32],
        keys: &Tensor,
        values: &Tensor,
    ) -> candle_core::Result<()> {
        if keys.dims() != [rows.len(), self.width] || keys.shape() != values.shape() {
            bail!(
                "keys of {:?} and values of {:?} for {} rows of {}",
                keys.shape(),
                values.shape(),
                rows.len(),
                self.width
            );
        }
        match &mut self.rows {
            Rows::Slices {
                keys: kept_keys,
                values: kept_values,
            } => {
                let width = self.width;
                for (kept, new) in [(kept_keys, keys), (kept_values, values)] {
                    with_numbers(&new.contiguous()?, |new| put(kept, rows, new, width))?;
                }
            }
            Rows::Tensors(kept) => {
                *kept = Some(match &*kept {
                    Some([old_keys, old_values]) => [
                        put_tensor(Some(old_keys), rows, keys)?,
                        put_tensor(Some(old_values), rows, values)?,
                    ],
                    None => [
                        put_tensor(None, rows, keys)?,
                        put_tensor(None, rows, values)?,
                    ],
                });
            }
        }
        Ok(())
    }

    /// What it takes.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = match &self.rows {
            Rows::Slices { keys, values } => keys.capacity() + values.capacity(),
            Rows::Tensors(kept) => kept.iter().flatten().map(Tensor::elem_count).sum(),
        };
        numbers * size_of::<f32>()
    }
}

/// Writes `new` to `rows` of `kept`, which is longer afterwards if one of them is beyond its end.
fn put(kept: &mut Vec<f32>, rows: &[u32], new: &[f32], width: usize) {
    let end = rows.iter().max().map_or(0, |&last| last as usize + 1);
    kept.resize(kept.len().max(end * width), 0.0);
    for (&row, numbers) in rows.iter().zip(new.chunks_exact(width)) {
        kept[row as usize * width..][..width].copy_from_slice(numbers);
    }
}

/// The same for candle's own operations.
fn put_tensor(kept: Option<&Tensor>, rows: &[u32], new: &Tensor) -> candle_core::Result<Tensor> {
    let before = kept.map_or(Ok(0), |kept| kept.dim(0))? as u32;
    let end = rows.iter().max().map_or(0, |&last| last + 1);
    // For each row, where it comes from; those between are read by nobody.
    let mut from: Vec<u32> = (0..before.max(end)).map(|row| row.min(before)).collect();
    for (&row, index) in rows.iter().zip(before..) {
        from[row as usize] = index;
    }
    let from = Tensor::new(from, new.device())?;
    match kept {
        Some(kept) => Tensor::cat(&[kept, new], 0)?.index_select(&from, 0),
        None => new.contiguous()?.index_select(&from, 0),
    }
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
            Rows::Tensors(Some([keys, values])) => self.over_tensors(queries, keys, values, groups),
            Rows::Tensors(None) => bail!("queries over no rows"),
        }
    }

    /// The same for candle's own operations.
    pub(super) fn over_tensors(
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
    use candle_core::{DType, Device, Result, Tensor};
    use kernels::{Attending, Precision};

    use super::{KeyValues, Rows};
    use crate::Placement;
    use crate::layers::{Attention, test_numbers};

    #[test]
    fn kernels_and_candle_operations_agree() -> Result<()> {
        let numbers = |count: usize, seed| {
            Tensor::from_vec(test_numbers(count * 24, seed), (count, 24), &Device::Cpu)
        };
        let attention = Attention::on(3, &Placement::new(Device::Cpu, Precision::F32));
        let (keys, values) = (numbers(9, 0.1)?, numbers(9, 0.2)?);
        let mut kept = KeyValues::empty(24, &Device::Cpu);
        for (first, count) in [(0, 4), (4, 1), (5, 4)] {
            let part = |rows: &Tensor| rows.narrow(0, first, count);
            let rows: Vec<u32> = (first as u32..).take(count).collect();
            kept.write(&rows, &part(&keys)?, &part(&values)?)?;
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

    /// Rows come in any order, some twice, some after those that follow them: with kernels and with candle's operations it is
    /// as if what was written last had been written at once.
    #[test]
    fn rows_are_written_over_and_the_others_stay() -> Result<()> {
        let numbers = |count: usize, seed| {
            Tensor::from_vec(test_numbers(count * 24, seed), (count, 24), &Device::Cpu)
        };
        let attention = Attention::on(3, &Placement::new(Device::Cpu, Precision::F32));
        let (keys, values, queries) = (numbers(9, 0.1)?, numbers(9, 0.2)?, numbers(1, 0.3)?);
        let mut slices = KeyValues::empty(24, &Device::Cpu);
        let mut tensors = KeyValues {
            rows: Rows::Tensors(None),
            ..slices.clone()
        };
        for kept in [&mut slices, &mut tensors] {
            for rows in [&[1, 6][..], &[4, 2, 3], &[6], &[8, 0, 1]] {
                let part = |all: &Tensor| all.index_select(&Tensor::new(rows, all.device())?, 0);
                let earlier = if rows.contains(&6) { 0.5 } else { 1.0 };
                kept.write(
                    rows,
                    &(part(&keys)? * earlier)?,
                    &(part(&values)? * earlier)?,
                )?;
            }
            kept.write(&[6], &keys.narrow(0, 6, 1)?, &values.narrow(0, 6, 1)?)?;
        }
        let written = [8, 0, 6, 4, 3, 1, 2];
        let group = [Attending {
            queries: 1,
            rows: &written,
        }];
        let expected = attention.over_tensors(&queries, &keys, &values, &group)?;
        for kept in [slices, tensors] {
            let got = attention.over(&queries, &kept, &group)?;
            let difference = (got - &expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(difference <= 1e-5, "{difference}");
            assert!(kept.bytes() >= 9 * 24 * 2 * 4, "{} bytes", kept.bytes());
        }
        Ok(())
    }

    #[test]
    fn room_is_as_much_as_was_asked_for() -> Result<()> {
        let mut kept = KeyValues::empty(6, &Device::Cpu);
        assert_eq!(kept.bytes(), 0);
        kept.reserve(5);
        assert_eq!(kept.bytes(), 5 * 6 * 2 * 4);
        let rows = Tensor::zeros((2, 6), DType::F32, &Device::Cpu)?;
        kept.write(&[4, 1], &rows, &rows)?;
        kept.reserve(3);
        assert_eq!(kept.bytes(), 5 * 6 * 2 * 4);
        kept.reserve(7);
        assert_eq!(kept.bytes(), 7 * 6 * 2 * 4);
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
        let mut kept = KeyValues::empty(6, &Device::Cpu);
        let message = kept
            .write(&[0, 1], &rows(2, 5)?, &rows(2, 5)?)
            .unwrap_err()
            .to_string();
        assert!(message.contains("for 2 rows of 6"), "{message}");
        let message = kept
            .write(&[0], &rows(2, 6)?, &rows(2, 6)?)
            .unwrap_err()
            .to_string();
        assert!(message.contains("for 1 rows of 6"), "{message}");
        kept.write(&[0, 1], &rows(2, 6)?, &rows(2, 6)?)?;
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

use candle_core::Tensor;

/// `[batch, height, width, channels]` enlarged to `size`, height and width: each pixel is that of the input which
/// PyTorch's `interpolate(mode="nearest", size=size)` takes, `floor(index * from / to)` in f32.
pub(crate) fn upsample_nearest(x: &Tensor, size: (usize, usize)) -> candle_core::Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    let axis = |from, to| Tensor::new(nearest(from, to), x.device());
    x.index_select(&axis(width, size.1)?, 2)?
        .index_select(&axis(height, size.0)?, 1)
}

fn nearest(from: usize, to: usize) -> Vec<u32> {
    let scale = from as f32 / to as f32;
    (0..to)
        .map(|index| ((index as f32 * scale) as usize).min(from - 1) as u32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    /// Expected: `torch.nn.functional.interpolate(torch.arange(n), size=m, mode="nearest")`.
    #[test]
    fn indices_are_pytorch_s() {
        assert_eq!(nearest(3, 6), [0, 0, 1, 1, 2, 2]);
        assert_eq!(nearest(3, 5), [0, 0, 1, 1, 2]);
        assert_eq!(nearest(4, 7), [0, 0, 1, 1, 2, 2, 3]);
        assert_eq!(nearest(1, 2), [0, 0]);
        assert_eq!(nearest(2, 1), [0]);
    }
}

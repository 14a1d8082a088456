use crate::Extent;

/// What is added to a convolution's sums: an activation with the output's channels. Where it has fewer rows and columns it
/// is enlarged on the way, each pixel being the one that PyTorch's `interpolate(mode="nearest")` takes:
/// `floor(index * from / to)` in `f32`.
#[derive(Clone, Copy, Debug)]
pub struct Residual<'a> {
    /// `[batch, height, width, channels]`.
    pub values: &'a [f32],
    /// Its own, with the batch of the output.
    pub extent: Extent,
}

/// A residual, and where each output pixel finds its part of it.
pub(super) struct Placed<'a> {
    pub(super) values: &'a [f32],
    channels: usize,
    extent: Extent,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl<'a> Placed<'a> {
    /// # Panics
    /// When the residual has another batch, nothing in it, or another length.
    pub(super) fn new(residual: Residual<'a>, output: Extent, channels: usize) -> Self {
        let Residual { values, extent } = residual;
        assert_eq!(values.len(), extent.pixels() * channels, "residual length");
        assert!(
            extent.batch == output.batch && extent.height > 0 && extent.width > 0,
            "a residual of {extent:?} for an output of {output:?}"
        );
        Self {
            values,
            channels,
            extent,
            rows: nearest(extent.height, output.height),
            columns: nearest(extent.width, output.width),
        }
    }

    /// Where the numbers begin that are added to an output pixel.
    pub(super) fn start(&self, image: usize, y: usize, x: usize) -> usize {
        let Extent { height, width, .. } = self.extent;
        ((image * height + self.rows[y]) * width + self.columns[x]) * self.channels
    }
}

/// For each of `to` indices the one of `from` that stands there.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f32 / to as f32;
    (0..to)
        .map(|index| ((index as f32 * scale) as usize).min(from - 1))
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
        assert_eq!(nearest(4, 4), [0, 1, 2, 3]);
    }
}

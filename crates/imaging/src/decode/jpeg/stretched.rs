use super::frame::Component;

/// Room for one row of a component, stretched to the picture's width.
pub(super) struct Stretched {
    row: Vec<u8>,
    /// Weighted sums of two rows, with one repeated at each end.
    sums: Vec<u16>,
}

impl Stretched {
    pub(super) fn new(component: &Component) -> Self {
        Self {
            row: vec![0; component.width * component.stretch[0]],
            sums: vec![0; component.width + 2],
        }
    }

    /// Row `y` of the picture, which lies in the component's row `near`. Halved components are interpolated with weights 3:1
    /// towards the nearer sample, as libjpeg's "fancy upsampling" does and with its rounding; very narrow ones
    /// and other ratios are repeated. `far` is the next row on the other side, see [`Component::blends_rows`].
    #[inline(always)]
    pub(super) fn row<'a>(
        &'a mut self,
        component: &Component,
        near: &'a [u8],
        far: &[u8],
        y: usize,
    ) -> &'a [u8] {
        match component.stretch {
            [1, 1] => return near,
            [2, 1] if component.width > 2 => {
                self.blend_columns(near.iter().map(|&s| s.into()), 1, 2, 2)
            }
            [1, 2] => {
                let bias = if y.is_multiple_of(2) { 1 } else { 2 };
                for ((sample, &near), &far) in self.row.iter_mut().zip(near).zip(far) {
                    *sample = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
                }
            }
            [2, 2] if component.width > 2 => {
                let sums = near.iter().zip(far);
                let sums = sums.map(|(&near, &far)| 3 * u16::from(near) + u16::from(far));
                self.blend_columns(sums, 8, 7, 4);
            }
            [across, _] => {
                for (samples, &sample) in self.row.chunks_exact_mut(across).zip(near) {
                    samples.fill(sample);
                }
            }
        }
        &self.row
    }

    /// Two samples for each sum: with a quarter of the left one, and with a quarter of the right one.
    #[inline(always)]
    fn blend_columns(
        &mut self,
        sums: impl Iterator<Item = u16>,
        left_bias: u16,
        right_bias: u16,
        shift: u32,
    ) {
        let count = self.sums.len() - 2;
        for (target, sum) in self.sums[1..=count].iter_mut().zip(sums) {
            *target = sum;
        }
        self.sums[0] = self.sums[1];
        self.sums[count + 1] = self.sums[count];
        let (left, middle, right) = (&self.sums[..count], &self.sums[1..=count], &self.sums[2..]);
        let pairs = self.row.as_chunks_mut::<2>().0.iter_mut();
        for (((pair, &left), &middle), &right) in pairs.zip(left).zip(middle).zip(right) {
            *pair = [
                ((3 * middle + left + left_bias) >> shift) as u8,
                ((3 * middle + right + right_bias) >> shift) as u8,
            ];
        }
    }
}

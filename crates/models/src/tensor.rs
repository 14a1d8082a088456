//! What passes from layer to layer.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

/// `f32` numbers of a shape, row-major and without gaps. Clones share the numbers, and so does a part that lies in one piece.
///
/// Shapes that do not fit are a bug, so they panic.
#[derive(Clone)]
pub struct Tensor {
    shape: Vec<usize>,
    buffer: Buffer,
}

/// Where the numbers lie.
#[derive(Clone)]
enum Buffer {
    /// In the process's memory, from `start` on.
    Host {
        numbers: Arc<Vec<f32>>,
        start: usize,
    },
}

impl Tensor {
    /// Takes `numbers` over.
    ///
    /// # Panics
    /// When they are not as many as `shape` says.
    #[must_use]
    pub fn new(numbers: Vec<f32>, shape: &[usize]) -> Self {
        let count = numbers.len();
        assert_eq!(count, count_of(shape), "numbers of a tensor of {shape:?}");
        Self {
            shape: shape.to_vec(),
            buffer: Buffer::Host {
                numbers: Arc::new(numbers),
                start: 0,
            },
        }
    }

    /// The length of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The same for a tensor of `N` axes.
    pub(crate) fn dims<const N: usize>(&self) -> [usize; N] {
        let dims = self.shape.as_slice().try_into();
        dims.unwrap_or_else(|_| panic!("a tensor of {self:?} where {N} axes are wanted"))
    }

    /// All numbers.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        let Buffer::Host { numbers, start } = &self.buffer;
        &numbers[*start..][..count_of(&self.shape)]
    }

    /// All numbers, without a copy if no one else has them.
    #[must_use]
    pub fn into_vec(self) -> Vec<f32> {
        let count = count_of(&self.shape);
        let Buffer::Host { numbers, start } = self.buffer;
        if numbers.len() == count {
            return Arc::unwrap_or_clone(numbers);
        }
        numbers[start..][..count].to_vec()
    }

    /// The same numbers in another shape.
    pub(crate) fn reshape(self, shape: &[usize]) -> Self {
        assert_eq!(
            count_of(&self.shape),
            count_of(shape),
            "{self:?} cannot become {shape:?}"
        );
        Self {
            shape: shape.to_vec(),
            ..self
        }
    }

    /// `length` places of an axis from `first` on.
    pub(crate) fn narrow(&self, axis: usize, first: usize, length: usize) -> Self {
        let whole = self.shape[axis];
        assert!(
            first + length <= whole,
            "{length} places from {first} on of axis {axis} of {self:?}"
        );
        if length == whole {
            return self.clone();
        }
        let mut shape = self.shape.clone();
        shape[axis] = length;
        let place = count_of(&shape[axis + 1..]);
        if count_of(&shape[..axis]) == 1 {
            let Buffer::Host { numbers, start } = &self.buffer;
            let (numbers, start) = (Arc::clone(numbers), start + first * place);
            let buffer = Buffer::Host { numbers, start };
            return Self { shape, buffer };
        }
        let mut part = Vec::with_capacity(count_of(&shape));
        for row in self.values().chunks_exact((whole * place).max(1)) {
            part.extend_from_slice(&row[first * place..][..length * place]);
        }
        Self::new(part, &shape)
    }

    /// `parts` behind one another along an axis; they are of one shape but for its length.
    pub(crate) fn concatenate(parts: &[Self], axis: usize) -> Self {
        let [first, others @ ..] = parts else {
            panic!("a concatenation of nothing");
        };
        if others.is_empty() {
            return first.clone();
        }
        let mut shape = first.shape.clone();
        for other in others {
            let fits = other.shape.len() == shape.len()
                && other.shape[..axis] == shape[..axis]
                && other.shape[axis + 1..] == shape[axis + 1..];
            assert!(fits, "{first:?} and {other:?} along axis {axis}");
            shape[axis] += other.shape[axis];
        }
        let mut numbers = Vec::with_capacity(count_of(&shape));
        for row in 0..count_of(&shape[..axis]) {
            for part in parts {
                let length = count_of(&part.shape[axis..]);
                numbers.extend_from_slice(&part.values()[row * length..][..length]);
            }
        }
        Self::new(numbers, &shape)
    }

    /// The rows of these numbers, in this order: a row is all that is at one place of the first axis.
    pub(crate) fn gather_rows(&self, rows: &[u32]) -> Self {
        let mut shape = self.shape.clone();
        let length = count_of(&shape[1..]);
        let mut numbers = Vec::with_capacity(rows.len() * length);
        for &row in rows {
            assert!((row as usize) < shape[0], "row {row} of {self:?}");
            numbers.extend_from_slice(&self.values()[row as usize * length..][..length]);
        }
        shape[0] = rows.len();
        Self::new(numbers, &shape)
    }

    /// The sum with `other`, which has the shape of the last axes and is added at each place of those before.
    pub(crate) fn add(self, other: &Self) -> Self {
        assert!(
            self.shape.ends_with(&other.shape),
            "{other:?} cannot be added to {self:?}"
        );
        let shape = self.shape.clone();
        let mut sums = self.into_vec();
        let other = other.values();
        for row in sums.chunks_exact_mut(other.len().max(1)) {
            row.iter_mut().zip(other).for_each(|(sum, x)| *sum += x);
        }
        Self::new(sums, &shape)
    }
}

impl Debug for Tensor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.shape.fmt(f)
    }
}

fn count_of(shape: &[usize]) -> usize {
    shape.iter().product()
}

#[cfg(test)]
mod tests {
    use super::Tensor;

    /// 0, 1, 2, …
    fn counted(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        Tensor::new((0..count).map(|i| i as f32).collect(), shape)
    }

    #[test]
    fn a_part_of_an_axis_is_shared_or_copied() {
        let x = counted(&[2, 3, 2]);
        let second = x.narrow(0, 1, 1);
        assert_eq!(second.shape(), [1, 3, 2]);
        assert_eq!(second.values(), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert!(std::ptr::eq(
            &raw const second.values()[0],
            &raw const x.values()[6]
        ));
        let inner = second.narrow(1, 1, 2);
        assert_eq!(inner.values(), [8.0, 9.0, 10.0, 11.0]);
        assert_eq!(inner.clone().into_vec(), inner.values());
        let columns = x.narrow(1, 1, 1);
        assert_eq!(columns.shape(), [2, 1, 2]);
        assert_eq!(columns.values(), [2.0, 3.0, 8.0, 9.0]);
        assert_eq!(x.narrow(2, 1, 1).values(), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]);
        assert!(x.narrow(1, 3, 0).values().is_empty());
    }

    #[test]
    fn numbers_that_no_one_else_has_are_moved() {
        let x = counted(&[2, 3]);
        let (address, other) = (x.values().as_ptr(), x.clone());
        let copied = x.reshape(&[3, 2]).into_vec();
        assert_ne!(copied.as_ptr(), address);
        let x = other.add(&counted(&[3])).reshape(&[6]);
        assert_eq!(x.values().as_ptr(), address);
        assert_eq!(x.into_vec(), [0.0, 2.0, 4.0, 3.0, 5.0, 7.0]);
    }

    #[test]
    fn parts_are_put_behind_one_another() {
        let (x, y) = (counted(&[2, 1, 2]), counted(&[2, 2, 2]));
        let both = Tensor::concatenate(&[x.clone(), y.clone()], 1);
        assert_eq!(both.shape(), [2, 3, 2]);
        let expected = [0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        assert_eq!(both.values(), expected);
        assert_eq!(
            Tensor::concatenate(std::slice::from_ref(&y), 0).values(),
            y.values()
        );
        let flat = Tensor::concatenate(&[x.reshape(&[2, 2]), y.reshape(&[4, 2])], 0);
        assert_eq!(
            flat.gather_rows(&[5, 0, 5]).values(),
            [6.0, 7.0, 0.0, 1.0, 6.0, 7.0]
        );
    }

    #[test]
    #[should_panic(expected = "[2, 3] cannot become [4, 2]")]
    fn a_shape_of_other_numbers_is_a_bug() {
        let _ = counted(&[2, 3]).reshape(&[4, 2]);
    }

    #[test]
    #[should_panic(expected = "[2] cannot be added to [2, 3]")]
    fn a_sum_of_shapes_that_do_not_fit_is_a_bug() {
        let _ = counted(&[2, 3]).add(&counted(&[2]));
    }

    #[test]
    #[should_panic(expected = "[2, 3] and [3, 2] along axis 0")]
    fn a_concatenation_of_shapes_that_do_not_fit_is_a_bug() {
        let _ = Tensor::concatenate(&[counted(&[2, 3]), counted(&[3, 2])], 0);
    }
}

//! Where a tensor lies in a file and how it is laid out, checked once, then read as often as wanted.

use std::fmt;

use half::{bf16, f16};

/// Type of a tensor's elements in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// 8 bits, 0 or 1.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl Dtype {
    /// Bytes of one element.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::I16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names safetensors uses are the names of the variants in capitals.
        f.write_str(&format!("{self:?}").to_uppercase())
    }
}

/// A tensor's place in a file. Every element lies within the file it was made for.
#[derive(Debug, Clone)]
pub(crate) struct StoredTensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Distance between neighbours of each dimension, in elements.
    strides: Vec<usize>,
    /// Byte of the first element in the file.
    start: usize,
    count: usize,
}

impl StoredTensor {
    /// A row-major tensor that fills `bytes` of storage from `start`.
    pub(crate) fn contiguous(
        dtype: Dtype,
        shape: Vec<usize>,
        start: usize,
        bytes: usize,
    ) -> Result<Self, String> {
        let mut strides = vec![0; shape.len()];
        let mut step = 1_usize;
        for (stride, &size) in strides.iter_mut().zip(&shape).rev() {
            *stride = step;
            step = step.checked_mul(size.max(1)).ok_or("its size overflows")?;
        }
        Self::strided(dtype, shape, strides, start, 0, bytes)
    }

    /// A tensor over the storage `[start, start + bytes)` of the file, whose first element is the
    /// storage's element `offset`.
    pub(crate) fn strided(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        start: usize,
        offset: usize,
        bytes: usize,
    ) -> Result<Self, String> {
        if shape.len() != strides.len() {
            return Err(format!(
                "{} sizes but {} strides",
                shape.len(),
                strides.len()
            ));
        }
        let capacity = bytes / dtype.size();
        let count = shape
            .iter()
            .try_fold(1_usize, |count, &size| count.checked_mul(size))
            .ok_or("its size overflows")?;
        // An expanded tensor (stride 0) could claim any size; no state dict needs one.
        if count > capacity {
            return Err(format!("{count} elements in a storage of {capacity}"));
        }
        // One past the last element in reach; an empty tensor reaches nothing beyond its offset.
        let end = if count == 0 {
            Some(offset)
        } else {
            shape
                .iter()
                .zip(&strides)
                .try_fold(offset, |last, (&size, &stride)| {
                    last.checked_add((size - 1).checked_mul(stride)?)
                })
                .and_then(|last| last.checked_add(1))
        };
        if end.is_none_or(|end| end > capacity) {
            return Err(format!("reaches beyond its storage of {capacity} elements"));
        }
        let start = start + offset * dtype.size();
        Ok(Self {
            dtype,
            shape,
            strides,
            start,
            count,
        })
    }

    /// The values as f32; `None` when the elements are neither F32 nor narrower floats.
    pub(crate) fn to_f32(&self, file: &[u8]) -> Option<Vec<f32>> {
        Some(match self.dtype {
            Dtype::F32 => self.gather(file, f32::from_le_bytes),
            Dtype::F16 => self.gather(file, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => self.gather(file, |b| bf16::from_le_bytes(b).to_f32()),
            _ => return None,
        })
    }

    /// The values as f64; `None` when the elements are no floats.
    pub(crate) fn to_f64(&self, file: &[u8]) -> Option<Vec<f64>> {
        if self.dtype == Dtype::F64 {
            return Some(self.gather(file, f64::from_le_bytes));
        }
        let values = self.to_f32(file)?;
        Some(values.into_iter().map(f64::from).collect())
    }

    /// The values where they lie in the file, if they lie there as this machine holds them.
    pub(crate) fn as_f32<'a>(&self, file: &'a [u8]) -> Option<&'a [f32]> {
        if self.dtype != Dtype::F32 || !self.is_row_major() || cfg!(target_endian = "big") {
            return None;
        }
        let bytes = file.get(self.start..)?.get(..4 * self.count)?;
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// The values as i64; `None` when the elements are not integers.
    pub(crate) fn to_i64(&self, file: &[u8]) -> Option<Vec<i64>> {
        Some(match self.dtype {
            Dtype::I64 => self.gather(file, i64::from_le_bytes),
            Dtype::I32 => self.gather(file, |b| i32::from_le_bytes(b).into()),
            Dtype::I16 => self.gather(file, |b| i16::from_le_bytes(b).into()),
            Dtype::I8 => self.gather(file, |b| i8::from_le_bytes(b).into()),
            Dtype::U8 | Dtype::Bool => self.gather(file, |b| u8::from_le_bytes(b).into()),
            _ => return None,
        })
    }

    fn is_row_major(&self) -> bool {
        let mut step = 1;
        self.shape
            .iter()
            .zip(&self.strides)
            .rev()
            .all(|(&size, &stride)| {
                let fits = size == 1 || stride == step;
                step *= size;
                fits
            })
    }

    /// Elements in row-major order.
    fn gather<const N: usize, T>(&self, file: &[u8], decode: impl Fn([u8; N]) -> T) -> Vec<T> {
        if self.count == 0 {
            return Vec::new();
        }
        let storage = &file[self.start..];
        let (elements, _) = storage.as_chunks::<N>();
        if self.is_row_major() {
            return elements[..self.count]
                .iter()
                .map(|&bytes| decode(bytes))
                .collect();
        }
        let mut values = Vec::with_capacity(self.count);
        let mut index = vec![0_usize; self.shape.len()];
        let mut at = 0;
        loop {
            values.push(decode(elements[at]));
            // Count up like an odometer, the last dimension fastest.
            let mut dimension = self.shape.len();
            loop {
                if dimension == 0 {
                    return values;
                }
                dimension -= 1;
                index[dimension] += 1;
                at += self.strides[dimension];
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                at -= index[dimension] * self.strides[dimension];
                index[dimension] = 0;
            }
        }
    }
}

//! A dotted place in a checkpoint (`layer4.0`), from which a layer reads its tensors by short names.

use std::borrow::Cow;
use std::fmt::Display;

use crate::checkpoint::{Checkpoint, CheckpointError};

/// A prefix within a [`Checkpoint`]. Cheap to make; descend with [`Scope::pp`].
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    checkpoint: &'a Checkpoint,
    prefix: String,
}

impl<'a> Scope<'a> {
    pub(crate) fn root(checkpoint: &'a Checkpoint) -> Self {
        Self {
            checkpoint,
            prefix: String::new(),
        }
    }

    /// The scope below this one ("push prefix"): `pp("layer4").pp(0)` is
    /// `layer4.0`.
    #[must_use]
    pub fn pp(&self, name: impl Display) -> Self {
        Self {
            checkpoint: self.checkpoint,
            prefix: self.full_name(name),
        }
    }

    /// The dotted name of this scope; empty at the root.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the file has the tensor `name` here.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.checkpoint.stored(&self.full_name(name)).is_some()
    }

    /// The shape of the tensor `name`, for models that take a size from their weights.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.checkpoint
            .stored(&self.full_name(name))
            .map(|stored| stored.shape.as_slice())
    }

    /// Reads a floating-point tensor in row-major order: F32 as it is, F16 and BF16 widened (which
    /// is exact).
    ///
    /// # Errors
    /// When the tensor is missing, has another shape than `shape`, or another kind of element.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        self.f32_cow(name, shape).map(Cow::into_owned)
    }

    /// The same without a copy where the file has the numbers as they are wanted (F32, row-major,
    /// aligned: every tensor of a usual safetensors file), for callers that rearrange them anyway.
    ///
    /// # Errors
    /// As [`Scope::f32`].
    pub fn f32_cow(&self, name: &str, shape: &[usize]) -> Result<Cow<'a, [f32]>, CheckpointError> {
        let tensor = self.full_name(name);
        let (stored, bytes) = self.checkpoint.take(&tensor, shape)?;
        if let Some(values) = stored.as_f32(bytes) {
            return Ok(Cow::Borrowed(values));
        }
        let values = stored.to_f32(bytes).map(Cow::Owned);
        values.ok_or_else(|| CheckpointError::Type {
            path: self.checkpoint.path().to_owned(),
            tensor,
            expected: "F32, F16 or BF16",
            found: stored.dtype,
        })
    }

    /// Reads a floating-point tensor in row-major order as f64, narrower floats widened (which is exact).
    ///
    /// # Errors
    /// When the tensor is missing, has another shape than `shape`, or another kind of element.
    pub fn f64(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>, CheckpointError> {
        let tensor = self.full_name(name);
        let (stored, bytes) = self.checkpoint.take(&tensor, shape)?;
        stored.to_f64(bytes).ok_or_else(|| CheckpointError::Type {
            path: self.checkpoint.path().to_owned(),
            tensor,
            expected: "a floating-point type",
            found: stored.dtype,
        })
    }

    /// Reads an integer tensor in row-major order, narrower integers and booleans widened (counters
    /// such as `num_batches_tracked`, index tables such as `position_ids`).
    ///
    /// # Errors
    /// When the tensor is missing, has another shape than `shape`, or another kind of element.
    pub fn i64(&self, name: &str, shape: &[usize]) -> Result<Vec<i64>, CheckpointError> {
        let tensor = self.full_name(name);
        let (stored, bytes) = self.checkpoint.take(&tensor, shape)?;
        stored.to_i64(bytes).ok_or_else(|| CheckpointError::Type {
            path: self.checkpoint.path().to_owned(),
            tensor,
            expected: "an integer type",
            found: stored.dtype,
        })
    }

    /// Declares that a tensor is left unread on purpose, and why. `pattern` is a name below this
    /// scope, or a prefix with a final `*` (`head.*`). A name that the file has not is fine: files
    /// of one model differ in what they carry along.
    pub fn ignore(&self, pattern: &str, reason: &'static str) {
        self.checkpoint.ignore(&self.full_name(pattern), reason);
    }

    fn full_name(&self, name: impl Display) -> String {
        if self.prefix.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.prefix)
        }
    }
}

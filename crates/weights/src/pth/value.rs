//! What the unpickler's stack holds.

use super::globals::Global;
use crate::stored_tensor::Dtype;

/// A value of a pickle. Small and `Copy`: text borrows from the file, containers and tensors live in
/// the [`Heap`] and are named by index, so that a value that contains itself is harmless.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, little-endian.
    Long(&'a [u8]),
    Float,
    Text(&'a str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

impl Value<'_> {
    /// What it is, for messages.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Long(_) => "an integer",
            Self::Float => "a float",
            Self::Text(_) => "text",
            Self::Global(_) => "a name",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// A storage as the pickle names it; its bytes lie elsewhere in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StorageRef<'a> {
    pub(super) dtype: Dtype,
    pub(super) key: &'a str,
    /// Number of elements.
    pub(super) count: usize,
}

/// A view of a storage, in elements.
#[derive(Debug, Clone)]
pub(super) struct TensorRef {
    /// Index into [`Heap::storages`].
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Everything a pickle made.
#[derive(Debug, Default)]
pub(super) struct Heap<'a> {
    /// Items of tuples and lists; of dicts, keys and values by turns.
    pub(super) containers: Vec<Vec<Value<'a>>>,
    pub(super) storages: Vec<StorageRef<'a>>,
    pub(super) tensors: Vec<TensorRef>,
}

//! The pickles that `torch.save` writes of a state dict.

use super::globals::Global;
use crate::pickle::{Dialect, Kind, Machine, Value, ValueOf, kinds, within_limit};
use crate::stored_tensor::Dtype;

/// PyTorch's own limit.
const MAX_DIMENSIONS: usize = 64;

/// What a state dict's pickle described.
#[derive(Debug, Default)]
pub(super) struct StateDict<'a> {
    pub(super) storages: Vec<StorageRef<'a>>,
    pub(super) tensors: Vec<TensorRef>,
}

/// Index of a storage or of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Object {
    Storage(usize),
    Tensor(usize),
}

impl Kind for Object {
    fn kind(&self) -> &'static str {
        match self {
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
    /// Index into [`StateDict::storages`].
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl<'a> Dialect<'a> for StateDict<'a> {
    type Global = Global;
    type Object = Object;

    const HOLDS: &'static str = "state dict";

    fn global(module: &str, name: &str) -> Option<Global> {
        Global::find(module, name)
    }

    /// There are three calls: an empty `OrderedDict`, a tensor, a parameter.
    fn call(
        machine: &mut Machine<'a, Self>,
        global: Global,
        arguments: &[ValueOf<'a, Self>],
    ) -> Result<(), String> {
        match (global, arguments) {
            (Global::OrderedDict, []) => machine.push_new(Value::Dict, Vec::new()),
            // (storage, offset, size, stride, requires_grad, backward_hooks)
            (
                Global::RebuildTensor,
                &[
                    Value::Object(Object::Storage(storage)),
                    offset,
                    size,
                    stride,
                    Value::Bool(_),
                    _hooks,
                ],
            ) => {
                let tensor = TensorRef {
                    storage,
                    offset: whole_number(offset, "storage offset")?,
                    shape: dimensions(machine, size, "size")?,
                    strides: dimensions(machine, stride, "stride")?,
                };
                let tensors = &mut machine.dialect.tensors;
                within_limit(tensors.len(), "tensors")?;
                tensors.push(tensor);
                let tensor = Object::Tensor(tensors.len() - 1);
                machine.push(Value::Object(tensor))
            }
            // (tensor, requires_grad, backward_hooks)
            (
                Global::RebuildParameter,
                &[
                    tensor @ Value::Object(Object::Tensor(_)),
                    Value::Bool(_),
                    _hooks,
                ],
            ) => machine.push(tensor),
            _ => Err(Self::refused_call(global, arguments)),
        }
    }

    /// A state dict has one attribute, `_metadata` (versions of its modules), which no tensor depends on: it is dropped.
    fn set_state(
        _machine: &mut Machine<'a, Self>,
        object: ValueOf<'a, Self>,
        state: ValueOf<'a, Self>,
    ) -> Result<(), String> {
        match (object, state) {
            (Value::Dict(_), Value::Dict(_)) => Ok(()),
            _ => Err(Self::refused_state(object, state)),
        }
    }

    fn instruction(machine: &mut Machine<'a, Self>, code: u8) -> Result<(), String> {
        match code {
            b'Q' => persistent_id(machine),
            _ => Err(Self::refused_instruction(code)),
        }
    }
}

/// `('storage', type, key, location, count)`, and in old files a sixth: a view, long unused.
fn persistent_id<'a>(machine: &mut Machine<'a, StateDict<'a>>) -> Result<(), String> {
    let parts = machine.pop_tuple()?;
    let parts = match parts.as_slice() {
        [five @ .., Value::None] if five.len() == 5 => five,
        other => other,
    };
    let [
        Value::Text("storage"),
        Value::Global(Global::Storage(dtype)),
        Value::Text(key),
        Value::Text(_),
        count,
    ] = parts
    else {
        return Err(format!("refused: a persistent id of ({})", kinds(parts)));
    };
    let count = whole_number(*count, "storage size")?;
    let storages = &mut machine.dialect.storages;
    within_limit(storages.len(), "storages")?;
    storages.push(StorageRef {
        dtype: *dtype,
        key,
        count,
    });
    let storage = Object::Storage(storages.len() - 1);
    machine.push(Value::Object(storage))
}

fn dimensions<'a>(
    machine: &Machine<'a, StateDict<'a>>,
    value: ValueOf<'a, StateDict<'a>>,
    what: &str,
) -> Result<Vec<usize>, String> {
    let Value::Tuple(tuple) = value else {
        return Err(format!("a tensor's {what} is {}", value.kind()));
    };
    let items = &machine.containers[tuple];
    if items.len() > MAX_DIMENSIONS {
        return Err(format!(
            "a tensor of {} dimensions (limit {MAX_DIMENSIONS})",
            items.len()
        ));
    }
    items.iter().map(|&item| whole_number(item, what)).collect()
}

fn whole_number<'a>(value: ValueOf<'a, StateDict<'a>>, what: &str) -> Result<usize, String> {
    match value {
        Value::Int(number) => usize::try_from(number).map_err(|_| format!("a {what} of {number}")),
        other => Err(format!("a {what} that is {}", other.kind())),
    }
}

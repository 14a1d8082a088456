//! A pickle machine for state dicts: protocols 2 to 5, the instructions `torch.save` writes.
//!
//! Work and memory are linear in the length of the pickle and bounded by the [`Machine`]'s limits.
//! Nothing recurses, so depth costs nothing.

use super::globals::Global;
use super::machine::{Machine, underflow, within_limit};
use super::value::{Heap, StorageRef, TensorRef, Value};

/// PyTorch's own limit.
const MAX_DIMENSIONS: usize = 64;

/// A finished pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) root: Value<'a>,
    pub(super) heap: Heap<'a>,
    /// Bytes up to and including its STOP.
    pub(super) length: usize,
}

/// Reads the pickle at the start of `bytes`; what follows its STOP is left alone.
pub(super) fn unpickle(bytes: &[u8]) -> Result<Pickle<'_>, String> {
    let mut machine = Machine::new(bytes);
    match machine.run() {
        Ok(root) => Ok(Pickle {
            root,
            heap: machine.heap,
            length: machine.at,
        }),
        Err(reason) => Err(format!("{reason} (byte {} of its pickle)", machine.at)),
    }
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Value<'a>, String> {
        loop {
            match self.byte()? {
                b'.' => return self.finish(),
                0x80 => self.protocol()?,
                // FRAME: a hint for buffering, of no meaning here.
                0x95 => drop(self.array::<8>()?),
                b'(' => {
                    within_limit(self.marks.len(), "marks")?;
                    self.marks.push(self.stack.len());
                }
                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'K' => {
                    let value = self.byte()?;
                    self.push(Value::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(Value::Int(value.into()))?;
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(value.into()))?;
                }
                0x8a => self.long1()?,
                b'G' => {
                    self.array::<8>()?;
                    self.push(Value::Float)?;
                }
                // Byte strings are how Python 2 wrote names; those are ASCII.
                b'U' | 0x8c => {
                    let length = self.byte()?;
                    self.text(length.into())?;
                }
                b'T' | b'X' => {
                    let length = u32::from_le_bytes(self.array()?);
                    self.text(length.into())?;
                }
                0x8d => {
                    let length = u64::from_le_bytes(self.array()?);
                    self.text(length)?;
                }
                b')' => self.push_new(Value::Tuple, Vec::new())?,
                b']' => self.push_new(Value::List, Vec::new())?,
                b'}' => self.push_new(Value::Dict, Vec::new())?,
                b't' => {
                    let items = self.above_mark()?;
                    self.push_new(Value::Tuple, items)?;
                }
                0x85 => self.tuple(1)?,
                0x86 => self.tuple(2)?,
                0x87 => self.tuple(3)?,
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.above_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set_items(vec![key, value])?;
                }
                b'u' => {
                    let items = self.above_mark()?;
                    self.set_items(items)?;
                }
                b'q' => {
                    let index = self.byte()?;
                    self.memoize(index.into())?;
                }
                b'r' => {
                    let index = u32::from_le_bytes(self.array()?);
                    self.memoize(index)?;
                }
                0x94 => self.memoize_next()?,
                b'h' => {
                    let index = self.byte()?;
                    self.recall(index.into())?;
                }
                b'j' => {
                    let index = u32::from_le_bytes(self.array()?);
                    self.recall(index)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Value::Global(Global::find(module, name)?))?;
                }
                0x93 => {
                    let (name, module) = (self.pop_text()?, self.pop_text()?);
                    self.push(Value::Global(Global::find(module, name)?))?;
                }
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                b'Q' => self.persistent_id()?,
                other => {
                    return Err(format!(
                        "refused: no state dict needs pickle instruction {other:#04x}"
                    ));
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Value<'a>, String> {
        let root = self.pop()?;
        if self.stack.is_empty() && self.marks.is_empty() {
            Ok(root)
        } else {
            Err("its pickle ends with values left over".to_owned())
        }
    }

    fn protocol(&mut self) -> Result<(), String> {
        match self.byte()? {
            2..=5 => Ok(()),
            other => Err(format!("pickle protocol {other} is not one of 2 to 5")),
        }
    }

    fn long1(&mut self) -> Result<(), String> {
        let length = self.byte()?;
        let digits = self.take(length.into())?;
        if digits.len() > 8 {
            return self.push(Value::Long(digits));
        }
        // Two's complement, little-endian, of any length: extend the sign.
        let negative = digits.last().is_some_and(|&last| last >= 0x80);
        let mut full = [if negative { 0xff } else { 0 }; 8];
        full[..digits.len()].copy_from_slice(digits);
        self.push(Value::Int(i64::from_le_bytes(full)))
    }

    fn tuple(&mut self, length: usize) -> Result<(), String> {
        let floor = self.floor();
        match self.stack.len().checked_sub(length) {
            Some(start) if start >= floor => {
                let items = self.stack.split_off(start);
                self.push_new(Value::Tuple, items)
            }
            _ => Err(underflow()),
        }
    }

    fn append(&mut self, items: Vec<Value<'a>>) -> Result<(), String> {
        match self.top()? {
            Value::List(list) => {
                self.heap.containers[list].extend(items);
                Ok(())
            }
            other => Err(format!("appends to {}", other.kind())),
        }
    }

    fn set_items(&mut self, items: Vec<Value<'a>>) -> Result<(), String> {
        if !items.len().is_multiple_of(2) {
            return Err("a key without a value".to_owned());
        }
        match self.top()? {
            Value::Dict(dict) => {
                self.heap.containers[dict].extend(items);
                Ok(())
            }
            other => Err(format!("sets items of {}", other.kind())),
        }
    }

    /// A call, of which there are three: an empty `OrderedDict`, a tensor, a parameter.
    fn reduce(&mut self) -> Result<(), String> {
        let arguments = self.pop_tuple()?;
        match (self.pop()?, arguments.as_slice()) {
            (Value::Global(Global::OrderedDict), []) => self.push_new(Value::Dict, Vec::new()),
            // (storage, offset, size, stride, requires_grad, backward_hooks)
            (
                Value::Global(Global::RebuildTensor),
                &[
                    Value::Storage(storage),
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
                    shape: self.dimensions(size, "size")?,
                    strides: self.dimensions(stride, "stride")?,
                };
                within_limit(self.heap.tensors.len(), "tensors")?;
                self.heap.tensors.push(tensor);
                self.push(Value::Tensor(self.heap.tensors.len() - 1))
            }
            // (tensor, requires_grad, backward_hooks)
            (
                Value::Global(Global::RebuildParameter),
                &[tensor @ Value::Tensor(_), Value::Bool(_), _hooks],
            ) => self.push(tensor),
            (Value::Global(global), arguments) => {
                let kinds: Vec<_> = arguments.iter().take(8).map(|value| value.kind()).collect();
                Err(format!(
                    "refused: calls {global:?} with ({})",
                    kinds.join(", ")
                ))
            }
            (other, _) => Err(format!("refused: calls {}", other.kind())),
        }
    }

    /// Sets an object's attributes. A state dict has one, `_metadata` (versions of its modules),
    /// which no tensor depends on: it is dropped.
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match (self.top()?, state) {
            (Value::Dict(_), Value::Dict(_)) => Ok(()),
            (object, state) => Err(format!(
                "refused: sets the state of {} to {}",
                object.kind(),
                state.kind()
            )),
        }
    }

    /// `('storage', type, key, location, count)`, and in old files a sixth: a view, long unused.
    fn persistent_id(&mut self) -> Result<(), String> {
        let parts = self.pop_tuple()?;
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
            let kinds: Vec<_> = parts.iter().take(8).map(|value| value.kind()).collect();
            return Err(format!(
                "refused: a persistent id of ({})",
                kinds.join(", ")
            ));
        };
        let count = whole_number(*count, "storage size")?;
        within_limit(self.heap.storages.len(), "storages")?;
        self.heap.storages.push(StorageRef {
            dtype: *dtype,
            key,
            count,
        });
        self.push(Value::Storage(self.heap.storages.len() - 1))
    }

    fn dimensions(&self, value: Value<'a>, what: &str) -> Result<Vec<usize>, String> {
        let Value::Tuple(tuple) = value else {
            return Err(format!("a tensor's {what} is {}", value.kind()));
        };
        let items = &self.heap.containers[tuple];
        if items.len() > MAX_DIMENSIONS {
            return Err(format!(
                "a tensor of {} dimensions (limit {MAX_DIMENSIONS})",
                items.len()
            ));
        }
        items.iter().map(|&item| whole_number(item, what)).collect()
    }
}

fn whole_number(value: Value<'_>, what: &str) -> Result<usize, String> {
    match value {
        Value::Int(number) => usize::try_from(number).map_err(|_| format!("a {what} of {number}")),
        other => Err(format!("a {what} that is {}", other.kind())),
    }
}

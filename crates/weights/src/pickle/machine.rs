//! The state of a running pickle: what is left to read, the stack with its marks, the memo.

use std::collections::HashMap;

use super::dialect::{Dialect, ValueOf};
use super::value::Value;

/// Length of a pickle. The largest state dicts (thousands of tensors) need about a megabyte.
const MAX_PICKLE_BYTES: usize = 16 << 20;
/// Values on the stack, values in the memo, containers, objects: each at most this many.
const MAX_VALUES: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Machine<'a, D: Dialect<'a>> {
    bytes: &'a [u8],
    /// Bytes read so far.
    pub(super) at: usize,
    pub(super) stack: Vec<ValueOf<'a, D>>,
    /// Heights of the stack at its marks.
    pub(super) marks: Vec<usize>,
    memo: HashMap<u32, ValueOf<'a, D>>,
    /// Items of tuples and lists; of dicts, keys and values by turns.
    pub(crate) containers: Vec<Vec<ValueOf<'a, D>>>,
    /// The objects made so far.
    pub(crate) dialect: D,
}

impl<'a, D: Dialect<'a>> Machine<'a, D> {
    pub(super) fn new(bytes: &'a [u8], dialect: D) -> Self {
        Self {
            bytes: &bytes[..bytes.len().min(MAX_PICKLE_BYTES)],
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            containers: Vec::new(),
            dialect,
        }
    }

    pub(super) fn memoize(&mut self, index: u32) -> Result<(), String> {
        within_limit(self.memo.len(), "memo entries")?;
        let value = self.top()?;
        self.memo.insert(index, value);
        Ok(())
    }

    /// MEMOIZE: the index is the number of entries so far.
    pub(super) fn memoize_next(&mut self) -> Result<(), String> {
        let index = u32::try_from(self.memo.len()).unwrap_or(u32::MAX);
        self.memoize(index)
    }

    pub(super) fn recall(&mut self, index: u32) -> Result<(), String> {
        let value = *self
            .memo
            .get(&index)
            .ok_or_else(|| format!("no memo entry {index}"))?;
        self.push(value)
    }

    pub(crate) fn push(&mut self, value: ValueOf<'a, D>) -> Result<(), String> {
        within_limit(self.stack.len(), "stacked values")?;
        self.stack.push(value);
        Ok(())
    }

    /// Pushes a new tuple, list or dict.
    pub(crate) fn push_new(
        &mut self,
        kind: fn(usize) -> ValueOf<'a, D>,
        items: Vec<ValueOf<'a, D>>,
    ) -> Result<(), String> {
        within_limit(self.containers.len(), "containers")?;
        self.containers.push(items);
        self.push(kind(self.containers.len() - 1))
    }

    /// Nothing below the latest mark may be popped one by one.
    pub(super) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn top(&self) -> Result<ValueOf<'a, D>, String> {
        self.stack[self.floor()..]
            .last()
            .copied()
            .ok_or_else(underflow)
    }

    pub(crate) fn pop(&mut self) -> Result<ValueOf<'a, D>, String> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    pub(super) fn pop_text(&mut self) -> Result<&'a str, String> {
        match self.pop()? {
            Value::Text(text) => Ok(text),
            other => Err(format!("a name that is {}", other.kind())),
        }
    }

    /// The items of the tuple on top. Copied, and so bounded: no call that any dialect allows has many.
    pub(crate) fn pop_tuple(&mut self) -> Result<Vec<ValueOf<'a, D>>, String> {
        match self.pop()? {
            Value::Tuple(tuple) => {
                let items = &self.containers[tuple];
                Ok(items[..items.len().min(16)].to_vec())
            }
            other => Err(format!("arguments that are {}", other.kind())),
        }
    }

    pub(super) fn above_mark(&mut self) -> Result<Vec<ValueOf<'a, D>>, String> {
        let mark = self
            .marks
            .pop()
            .ok_or_else(|| "no mark on the stack".to_owned())?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn text(&mut self, length: u64) -> Result<(), String> {
        let length = usize::try_from(length).map_err(|_| truncated())?;
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| "text that is not UTF-8".to_owned())?;
        self.push(Value::Text(text))
    }

    pub(super) fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or_else(truncated)?;
        let line = std::str::from_utf8(&rest[..length]).map_err(|_| "a name that is not UTF-8")?;
        self.at += length + 1;
        Ok(line)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (array, _) = self.bytes[self.at..]
            .split_first_chunk()
            .ok_or_else(truncated)?;
        self.at += N;
        Ok(*array)
    }

    /// Bytes that follow what was read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let taken = self.bytes[self.at..].get(..length).ok_or_else(truncated)?;
        self.at += length;
        Ok(taken)
    }
}

pub(crate) fn within_limit(held: usize, what: &str) -> Result<(), String> {
    if held < MAX_VALUES {
        Ok(())
    } else {
        Err(format!("refused: more than {MAX_VALUES} {what}"))
    }
}

pub(crate) fn truncated() -> String {
    format!("its pickle is cut, or longer than {MAX_PICKLE_BYTES} bytes")
}

pub(super) fn underflow() -> String {
    "takes a value from an empty stack".to_owned()
}

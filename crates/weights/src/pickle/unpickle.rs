//! The instructions that data is made of, protocols 2 to 5.
//!
//! Work and memory are linear in the length of the pickle and bounded by the [`Machine`]'s limits.
//! Nothing recurses, so depth costs nothing.

use super::dialect::{Dialect, ValueOf};
use super::machine::{Machine, underflow, within_limit};
use super::value::Value;

/// A finished pickle.
#[derive(Debug)]
pub(crate) struct Pickle<'a, D: Dialect<'a>> {
    pub(crate) root: ValueOf<'a, D>,
    /// Items of tuples and lists; of dicts, keys and values by turns.
    pub(crate) containers: Vec<Vec<ValueOf<'a, D>>>,
    /// The objects.
    pub(crate) dialect: D,
    /// Bytes up to and including its STOP.
    pub(crate) length: usize,
}

/// Reads the pickle at the start of `bytes`; what follows its STOP is left alone.
pub(crate) fn unpickle<'a, D: Dialect<'a>>(
    bytes: &'a [u8],
    dialect: D,
) -> Result<Pickle<'a, D>, String> {
    let mut machine = Machine::new(bytes, dialect);
    match machine.run() {
        Ok(root) => Ok(Pickle {
            root,
            containers: machine.containers,
            dialect: machine.dialect,
            length: machine.at,
        }),
        Err(reason) => Err(format!("{reason} (byte {} of its pickle)", machine.at)),
    }
}

impl<'a, D: Dialect<'a>> Machine<'a, D> {
    fn run(&mut self) -> Result<ValueOf<'a, D>, String> {
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
                    let value = f64::from_be_bytes(self.array()?);
                    self.push(Value::Float(value))?;
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
                    self.push_global(module, name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop_text()?, self.pop_text()?);
                    self.push_global(module, name)?;
                }
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                other => D::instruction(self, other)?,
            }
        }
    }

    fn finish(&mut self) -> Result<ValueOf<'a, D>, String> {
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

    fn append(&mut self, items: Vec<ValueOf<'a, D>>) -> Result<(), String> {
        match self.top()? {
            Value::List(list) => {
                self.containers[list].extend(items);
                Ok(())
            }
            other => Err(format!("appends to {}", other.kind())),
        }
    }

    fn set_items(&mut self, items: Vec<ValueOf<'a, D>>) -> Result<(), String> {
        if !items.len().is_multiple_of(2) {
            return Err("a key without a value".to_owned());
        }
        match self.top()? {
            Value::Dict(dict) => {
                self.containers[dict].extend(items);
                Ok(())
            }
            other => Err(format!("sets items of {}", other.kind())),
        }
    }

    fn push_global(&mut self, module: &str, name: &str) -> Result<(), String> {
        let global = D::global(module, name).ok_or_else(|| {
            let shown: String = format!("{module}.{name}").chars().take(120).collect();
            let holds = D::HOLDS;
            format!("refused: it refers to {shown:?}, which no {holds} needs")
        })?;
        self.push(Value::Global(global))
    }

    fn reduce(&mut self) -> Result<(), String> {
        let arguments = self.pop_tuple()?;
        match self.pop()? {
            Value::Global(global) => D::call(self, global, &arguments),
            other => Err(format!("refused: calls {}", other.kind())),
        }
    }

    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        let object = self.top()?;
        D::set_state(self, object, state)
    }
}

//! What the names in a classifier's pickle describe: estimators, arrays, dtypes.

use super::array::{Array, Data};
use super::element::Element;
use super::globals::Global;
use super::state::{array_state, bytes, dtype_state, shape};
use super::wrapper;
use crate::pickle::{Dialect, Kind, Machine, Value, ValueOf, within_limit};

/// What the pickle described.
#[derive(Debug, Default)]
pub(super) struct Estimators<'a> {
    pub(super) arrays: Vec<Array<'a>>,
    /// Of each estimator the dict of its attributes, an index into the machine's containers.
    pub(super) estimators: Vec<Option<usize>>,
    /// Whether this is the pickle of an array of objects.
    pub(super) within_array: bool,
}

/// What a pickle may describe besides data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Object<'a> {
    /// Index into [`Estimators::estimators`].
    Estimator(usize),
    /// Index into [`Estimators::arrays`].
    Array(usize),
    Dtype(Element),
    /// One of NumPy's numbers. No attribute that is read is one.
    Scalar,
    /// Bytes as protocol 2 writes them.
    Encoded(&'a str),
    /// joblib's announcement of an array.
    ArrayWrapper,
}

impl Kind for Object<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Estimator(_) => "an estimator",
            Self::Array(_) => "an array",
            Self::Dtype(_) => "a dtype",
            Self::Scalar => "a scalar",
            Self::Encoded(_) => "bytes",
            Self::ArrayWrapper => "joblib's array wrapper",
        }
    }
}

pub(super) type Values<'a> = ValueOf<'a, Estimators<'a>>;

impl<'a> Dialect<'a> for Estimators<'a> {
    type Global = Global;
    type Object = Object<'a>;

    const HOLDS: &'static str = "classifier";

    fn global(module: &str, name: &str) -> Option<Global> {
        Global::find(module, name)
    }

    fn call(
        machine: &mut Machine<'a, Self>,
        global: Global,
        arguments: &[Values<'a>],
    ) -> Result<(), String> {
        match (global, arguments) {
            (Global::Encode, &[Value::Text(text), Value::Text("latin1")]) => {
                machine.push(Value::Object(Object::Encoded(text)))
            }
            // (code, align, copy)
            (Global::Dtype, &[Value::Text(code), ref flags @ ..])
                if flags
                    .iter()
                    .all(|flag| matches!(flag, Value::Bool(_) | Value::Int(_))) =>
            {
                let shown: String = code.chars().take(40).collect();
                let element = Element::find(code)
                    .ok_or_else(|| format!("refused: an array of dtype {shown:?}"))?;
                machine.push(Value::Object(Object::Dtype(element)))
            }
            // (class, shape, code); all are placeholders until the state is set.
            (Global::Reconstruct, &[Value::Global(Global::NdArray), Value::Tuple(_), code])
                if bytes(code).is_some() =>
            {
                push_array(machine, Array::EMPTY)
            }
            // (buffer, dtype, shape, order)
            (
                Global::FromBuffer,
                &[
                    Value::Bytes(bytes),
                    Value::Object(Object::Dtype(element)),
                    sides,
                    Value::Text(order),
                ],
            ) if matches!(order, "C" | "F") => {
                let array = Array {
                    element,
                    shape: shape(&machine.containers, sides)?,
                    fortran: order == "F",
                    data: Data::Bytes(bytes),
                };
                push_array(machine, array)
            }
            (Global::Scalar, &[Value::Object(Object::Dtype(_)), data]) if bytes(data).is_some() => {
                machine.push(Value::Object(Object::Scalar))
            }
            _ => Err(Self::refused_call(global, arguments)),
        }
    }

    fn set_state(
        machine: &mut Machine<'a, Self>,
        object: Values<'a>,
        state: Values<'a>,
    ) -> Result<(), String> {
        match (object, state) {
            (Value::Object(Object::Estimator(index)), Value::Dict(attributes)) => {
                machine.dialect.estimators[index] = Some(attributes);
                Ok(())
            }
            (Value::Object(Object::Array(index)), Value::Tuple(state)) => {
                machine.dialect.arrays[index] = array_state(&machine.containers, state)?;
                Ok(())
            }
            (Value::Object(Object::Dtype(_)), Value::Tuple(state)) => {
                dtype_state(&machine.containers[state])
            }
            (Value::Object(Object::ArrayWrapper), Value::Dict(state)) => {
                let array = wrapper::array(machine, state)?;
                machine.pop()?;
                push_array(machine, array)
            }
            _ => Err(Self::refused_state(object, state)),
        }
    }

    fn instruction(machine: &mut Machine<'a, Self>, code: u8) -> Result<(), String> {
        match code {
            b'C' => {
                let length = machine.byte()?;
                push_bytes(machine, length.into())
            }
            b'B' => {
                let length = u32::from_le_bytes(machine.array()?);
                push_bytes(machine, length.into())
            }
            // BINBYTES8, BYTEARRAY8
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(machine.array()?);
                push_bytes(machine, length)
            }
            // NEWOBJ
            0x81 => new_object(machine),
            _ => Err(Self::refused_instruction(code)),
        }
    }
}

/// `class.__new__(class)`, of two classes.
fn new_object<'a>(machine: &mut Machine<'a, Estimators<'a>>) -> Result<(), String> {
    let arguments = machine.pop_tuple()?;
    match (machine.pop()?, arguments.as_slice()) {
        (Value::Global(Global::LogisticRegression), []) => {
            let estimators = &mut machine.dialect.estimators;
            within_limit(estimators.len(), "estimators")?;
            estimators.push(None);
            let estimator = Object::Estimator(estimators.len() - 1);
            machine.push(Value::Object(estimator))
        }
        (Value::Global(Global::ArrayWrapper), []) => {
            machine.push(Value::Object(Object::ArrayWrapper))
        }
        (Value::Global(global), arguments) => Err(Estimators::refused_call(global, arguments)),
        (other, _) => Err(format!("refused: makes an object of {}", other.kind())),
    }
}

fn push_bytes<'a>(machine: &mut Machine<'a, Estimators<'a>>, length: u64) -> Result<(), String> {
    // More than fits into memory is more than is left.
    let bytes = machine.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    machine.push(Value::Bytes(bytes))
}

fn push_array<'a>(
    machine: &mut Machine<'a, Estimators<'a>>,
    array: Array<'a>,
) -> Result<(), String> {
    let arrays = &mut machine.dialect.arrays;
    within_limit(arrays.len(), "arrays")?;
    arrays.push(array);
    let array = Object::Array(arrays.len() - 1);
    machine.push(Value::Object(array))
}

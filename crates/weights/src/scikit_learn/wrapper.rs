//! joblib's arrays: a `NumpyArrayWrapper` in the pickle, and behind the instruction that completes it the array itself.

use super::array::{Array, Data, byte_count};
use super::dialect::{Estimators, Object};
use super::element::Element;
use super::globals::Global;
use super::state::{attributes, shape};
use crate::pickle::{Machine, Value, unpickle};

/// Reads the array that a wrapper with the attributes `state` announces. Its numbers follow where the machine stands.
pub(super) fn array<'a>(
    machine: &mut Machine<'a, Estimators<'a>>,
    state: usize,
) -> Result<Array<'a>, String> {
    let given = attributes(&machine.containers[state])?;
    let of = |name: &str| given.get(name).copied().unwrap_or(Value::None);
    if of("subclass") != Value::Global(Global::NdArray) {
        return Err("refused: an array of another class than numpy.ndarray".to_owned());
    }
    let Value::Object(Object::Dtype(element)) = of("dtype") else {
        return Err(format!("an array whose dtype is {}", of("dtype").kind()));
    };
    let fortran = match of("order") {
        Value::Text("C") => false,
        Value::Text("F") => true,
        other => return Err(format!("an array whose order is {}", other.kind())),
    };
    let (sides, aligned) = (of("shape"), of("numpy_array_alignment_bytes"));
    let sides = shape(&machine.containers, sides)?;
    if element == Element::Object {
        return objects(machine, sides);
    }
    if aligned != Value::None {
        let padding = machine.byte()?;
        machine.take(padding.into())?;
    }
    let bytes = element.size().and_then(|size| byte_count(&sides, size));
    let bytes = bytes.ok_or_else(|| format!("an array of shape {sides:?}"))?;
    Ok(Array {
        element,
        shape: sides,
        fortran,
        data: Data::Bytes(machine.take(bytes)?),
    })
}

/// Objects are a pickle of their own within the file. What is in it is of no use here, but it must be passed, and is read
/// like any other; it holds no wrapper, so that this goes no deeper.
fn objects<'a>(
    machine: &mut Machine<'a, Estimators<'a>>,
    shape: Vec<usize>,
) -> Result<Array<'a>, String> {
    if machine.dialect.within_array {
        return Err("refused: an array of objects within an array of objects".to_owned());
    }
    let within = Estimators {
        within_array: true,
        ..Estimators::default()
    };
    let length = unpickle(machine.rest(), within)?.length;
    machine.take(length)?;
    Ok(Array {
        shape,
        ..Array::EMPTY
    })
}

//! What objects are given after they are made: the parts of NumPy's states, and dicts of attributes.

use std::collections::BTreeMap;

use super::array::{Array, Data, MAX_DIMENSIONS};
use super::dialect::{Object, Values};
use super::element::Element;
use crate::pickle::Value;

/// Bytes as any protocol writes them.
pub(super) fn bytes(value: Values<'_>) -> Option<Data<'_>> {
    match value {
        Value::Bytes(bytes) => Some(Data::Bytes(bytes)),
        Value::Object(Object::Encoded(text)) => Some(Data::Latin1(text)),
        _ => None,
    }
}

/// `(version, shape, dtype, is Fortran's order, data)`; of objects, the data is a list.
pub(super) fn array_state<'a>(
    containers: &[Vec<Values<'a>>],
    state: usize,
) -> Result<Array<'a>, String> {
    let [
        Value::Int(1),
        sides,
        Value::Object(Object::Dtype(element)),
        Value::Bool(fortran),
        data,
    ] = *containers[state].as_slice()
    else {
        return Err("an array whose state is not of the usual form".to_owned());
    };
    let data = match (element, data) {
        (Element::Object, Value::List(_)) => Data::Absent,
        (_, data) => {
            bytes(data).ok_or_else(|| format!("an array whose data is {}", data.kind()))?
        }
    };
    Ok(Array {
        element,
        shape: shape(containers, sides)?,
        fortran,
        data,
    })
}

/// `(3, byte order, subarray, names, fields, size, alignment, flags)`: nothing but the usual is understood.
pub(super) fn dtype_state(state: &[Values<'_>]) -> Result<(), String> {
    match state {
        [
            Value::Int(3),
            Value::Text("<" | "|" | "="),
            Value::None,
            Value::None,
            Value::None,
            Value::Int(-1),
            Value::Int(-1),
            Value::Int(_),
        ] => Ok(()),
        [Value::Int(_), Value::Text(">"), ..] => Err("a big-endian array".to_owned()),
        _ => Err("refused: a dtype whose state is not of the usual form".to_owned()),
    }
}

pub(super) fn shape<'a>(
    containers: &[Vec<Values<'a>>],
    value: Values<'a>,
) -> Result<Vec<usize>, String> {
    let Value::Tuple(tuple) = value else {
        return Err(format!("an array whose shape is {}", value.kind()));
    };
    let sides = &containers[tuple];
    if sides.len() > MAX_DIMENSIONS {
        let count = sides.len();
        return Err(format!(
            "an array of {count} dimensions (limit {MAX_DIMENSIONS})"
        ));
    }
    let side = |side: &Values<'a>| match *side {
        Value::Int(side) => {
            usize::try_from(side).map_err(|_| format!("an array with a side of {side}"))
        }
        other => Err(format!("an array with a side that is {}", other.kind())),
    };
    sides.iter().map(side).collect()
}

/// A classifier has some twenty attributes, joblib's wrapper six.
const MAX_ATTRIBUTES: usize = 64;

/// A dict of names: keys and values by turns. The last of equal keys counts, as in Python.
pub(super) fn attributes<'a>(
    items: &[Values<'a>],
) -> Result<BTreeMap<&'a str, Values<'a>>, String> {
    if items.len() > 2 * MAX_ATTRIBUTES {
        return Err(format!("refused: more than {MAX_ATTRIBUTES} attributes"));
    }
    let pair = |&[key, value]: &[Values<'a>; 2]| match key {
        Value::Text(name) => Ok((name, value)),
        other => Err(format!("an attribute whose name is {}", other.kind())),
    };
    items.as_chunks::<2>().0.iter().map(pair).collect()
}

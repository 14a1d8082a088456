//! From a finished pickle to named tensors, once it is known where each storage lies.

use std::collections::BTreeMap;
use std::ops::Range;

use super::dialect::{Object, StateDict, StorageRef};
use crate::checkpoint::Contents;
use crate::pickle::{Pickle, Value};
use crate::stored_tensor::StoredTensor;

/// The pickle's storages, each once, by key. Two descriptions of one key must agree.
pub(super) fn storages<'a>(
    pickle: &Pickle<'a, StateDict<'a>>,
) -> Result<BTreeMap<&'a str, StorageRef<'a>>, String> {
    let mut storages = BTreeMap::new();
    for storage in &pickle.dialect.storages {
        let first = *storages.entry(storage.key).or_insert(*storage);
        if first != *storage {
            return Err(format!(
                "storage '{}' is described in two ways",
                storage.key
            ));
        }
    }
    Ok(storages)
}

/// The named tensors. `places` says where in the file the bytes of each storage lie.
pub(super) fn tensors<'a>(
    pickle: &Pickle<'a, StateDict<'a>>,
    places: &BTreeMap<&str, Range<usize>>,
) -> Result<Contents, String> {
    let Value::Dict(root) = pickle.root else {
        return Err(format!("not a state dict: it holds {}", pickle.root.kind()));
    };
    let mut contents = Contents::default();
    for item in pickle.containers[root].as_chunks::<2>().0 {
        let [Value::Text(name), value] = *item else {
            return Err(format!(
                "not a state dict: a key that is {}",
                item[0].kind()
            ));
        };
        let Value::Object(Object::Tensor(tensor)) = value else {
            return Err(format!(
                "not a flat state dict: '{name}' is {}",
                value.kind()
            ));
        };
        let stored =
            locate(pickle, tensor, places).map_err(|why| format!("tensor '{name}': {why}"))?;
        if contents
            .tensors
            .insert((*name).to_owned(), stored)
            .is_some()
        {
            return Err(format!("tensor '{name}' is there twice"));
        }
    }
    Ok(contents)
}

fn locate<'a>(
    pickle: &Pickle<'a, StateDict<'a>>,
    tensor: usize,
    places: &BTreeMap<&str, Range<usize>>,
) -> Result<StoredTensor, String> {
    let tensor = &pickle.dialect.tensors[tensor];
    let storage = pickle.dialect.storages[tensor.storage];
    let place = places
        .get(storage.key)
        .ok_or_else(|| format!("its storage '{}' is not in the file", storage.key))?;
    StoredTensor::strided(
        storage.dtype,
        tensor.shape.clone(),
        tensor.strides.clone(),
        place.start,
        tensor.offset,
        place.len(),
    )
}

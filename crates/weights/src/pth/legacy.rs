//! The container `torch.save` wrote before PyTorch 1.6: five pickles in a row (a magic number, the
//! protocol version, facts about the machine, the state dict, the storage keys), then the storages
//! in the order of those keys, each as its element count (u64) and its elements.

use std::collections::BTreeMap;

use super::dialect::StateDict;
use super::state_dict;
use crate::checkpoint::Contents;
use crate::pickle::{Pickle, Value, unpickle};

/// `torch.serialization.MAGIC_NUMBER`, 0x1950a86a20f9469cfc6c, as pickles write it.
const MAGIC_NUMBER: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// `torch.serialization.PROTOCOL_VERSION`.
const PROTOCOL_VERSION: i64 = 1001;

/// The magic number comes first, within a pickle of any protocol.
pub(super) fn looks_like_legacy(file: &[u8]) -> bool {
    let head = &file[..file.len().min(32)];
    file.first() == Some(&0x80) && head.windows(10).any(|window| window == MAGIC_NUMBER)
}

pub(super) fn read(file: &[u8]) -> Result<Contents, String> {
    let mut at = 0;
    let magic = next_pickle(file, &mut at)?;
    if magic.root != Value::Long(&MAGIC_NUMBER) {
        return Err("PyTorch's magic number is not where it belongs".to_owned());
    }
    let version = next_pickle(file, &mut at)?;
    if version.root != Value::Int(PROTOCOL_VERSION) {
        return Err(format!(
            "not version {PROTOCOL_VERSION} of PyTorch's old format"
        ));
    }
    let machine = next_pickle(file, &mut at)?;
    if !is_little_endian(&machine) {
        return Err("not written by a little-endian machine".to_owned());
    }
    let state = next_pickle(file, &mut at)?;
    let keys = next_pickle(file, &mut at)?;
    let Value::List(list) = keys.root else {
        return Err(format!("its storage keys are {}", keys.root.kind()));
    };

    let storages = state_dict::storages(&state)?;
    let mut places = BTreeMap::new();
    for &key in &keys.containers[list] {
        let Value::Text(key) = key else {
            return Err(format!("a storage key that is {}", key.kind()));
        };
        let storage = storages
            .get(key)
            .ok_or_else(|| format!("storage '{key}' is of no use"))?;
        let (count, elements) = file[at..]
            .split_first_chunk()
            .ok_or_else(|| format!("cut before storage '{key}'"))?;
        let count = u64::from_le_bytes(*count);
        if count != storage.count as u64 {
            return Err(format!(
                "storage '{key}' of {} elements has {count}",
                storage.count
            ));
        }
        let bytes = storage
            .count
            .checked_mul(storage.dtype.size())
            .filter(|&bytes| bytes <= elements.len())
            .ok_or_else(|| format!("cut within storage '{key}'"))?;
        let start = file.len() - elements.len();
        at = start + bytes;
        if places.insert(key, start..at).is_some() {
            return Err(format!("storage '{key}' is there twice"));
        }
    }
    if at != file.len() {
        return Err(format!("{} bytes after the last storage", file.len() - at));
    }
    state_dict::tensors(&state, &places)
}

fn next_pickle<'a>(file: &'a [u8], at: &mut usize) -> Result<Pickle<'a, StateDict<'a>>, String> {
    let pickle = unpickle(&file[*at..], StateDict::default())?;
    *at += pickle.length;
    Ok(pickle)
}

fn is_little_endian<'a>(machine: &Pickle<'a, StateDict<'a>>) -> bool {
    let Value::Dict(dict) = machine.root else {
        return false;
    };
    let facts = machine.containers[dict].as_chunks::<2>().0;
    facts.contains(&[Value::Text("little_endian"), Value::Bool(true)])
}

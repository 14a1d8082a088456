//! The container `torch.save` writes since PyTorch 1.6: an uncompressed zip with the state dict in
//! `<name>/data.pkl` and one entry per storage, `<name>/data/<key>`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::dialect::StateDict;
use super::state_dict;
use super::zip_directory::directory;
use crate::checkpoint::Contents;
use crate::pickle::unpickle;

pub(super) fn looks_like_zip(file: &[u8]) -> bool {
    file.starts_with(b"PK\x03\x04")
}

pub(super) fn read(file: &[u8]) -> Result<Contents, String> {
    let entries = directory(file)?;
    let mut pickles = entries
        .keys()
        .filter_map(|name| name.strip_suffix("data.pkl"));
    let prefix = match (pickles.next(), pickles.next()) {
        (Some(prefix), None) if prefix.ends_with('/') => prefix,
        (None, _) => return Err("a zip, but not a PyTorch file: it has no data.pkl".to_owned()),
        _ => return Err("a zip, but not a PyTorch file: it has more than one data.pkl".to_owned()),
    };
    let entry = |name: &str| entries.get(format!("{prefix}{name}").as_str()).cloned();

    if let Some(order) = entry("byteorder")
        && &file[order.clone()] != b"little"
    {
        return Err(format!(
            "byte order '{}', expected little",
            file[order].escape_ascii()
        ));
    }
    let Some(state) = entry("data.pkl") else {
        return Err("it has no data.pkl".to_owned());
    };
    let state = &file[state];
    let pickle = unpickle(state, StateDict::default())?;
    if pickle.length != state.len() {
        return Err(format!(
            "{} bytes after its pickle",
            state.len() - pickle.length
        ));
    }

    let mut places: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (key, storage) in state_dict::storages(&pickle)? {
        let place = entry(&format!("data/{key}"))
            .ok_or_else(|| format!("storage '{key}' is not in the file"))?;
        if storage.count.checked_mul(storage.dtype.size()) != Some(place.len()) {
            return Err(format!(
                "storage '{key}' of {} {} elements has {} bytes",
                storage.count,
                storage.dtype,
                place.len()
            ));
        }
        places.insert(key, place);
    }
    state_dict::tensors(&pickle, &places)
}

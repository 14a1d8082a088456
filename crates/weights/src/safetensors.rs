//! The safetensors format. The header is parsed and checked by the `safetensors` crate (offsets
//! within the file, no overlap, no gap, sizes that match shapes); this file translates it.

use safetensors::tensor::{Dtype as Upstream, Metadata};

use crate::checkpoint::Contents;
use crate::stored_tensor::{Dtype, StoredTensor};

/// The limit of the format's reference reader.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Lists the tensors of a whole safetensors file: the header's length (u64), the header (JSON), the
/// tensors.
pub(crate) fn read(file: &[u8]) -> Result<Contents, String> {
    let neither = |why: &str| format!("neither a safetensors nor a PyTorch file: {why}");
    let (length, rest) = file
        .split_first_chunk()
        .ok_or_else(|| neither("too short"))?;
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(neither(&format!("a header of {length} bytes")));
    }
    let (header, data) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or_else(|| neither(&format!("a header of {length} bytes in {}", rest.len())))?;
    let metadata: Metadata =
        serde_json::from_slice(header).map_err(|error| neither(&error.to_string()))?;
    // Not SafeTensors::read_metadata, which adds the sizes a hostile header claims without a check.
    if metadata.data_len() != data.len() {
        let (claimed, found) = (metadata.data_len(), data.len());
        return Err(format!(
            "cut or padded: tensors of {claimed} bytes in {found}"
        ));
    }
    let data = file.len() - data.len();
    let mut contents = Contents::default();
    for (name, info) in metadata.tensors() {
        let stored = dtype(info.dtype).and_then(|dtype| {
            let (start, end) = info.data_offsets;
            StoredTensor::contiguous(dtype, info.shape.clone(), data + start, end - start)
        });
        let stored = stored.map_err(|reason| format!("tensor '{name}': {reason}"))?;
        contents.tensors.insert(name, stored);
    }
    contents.metadata.extend(
        metadata
            .metadata()
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    Ok(contents)
}

fn dtype(upstream: Upstream) -> Result<Dtype, String> {
    Ok(match upstream {
        Upstream::BOOL => Dtype::Bool,
        Upstream::U8 => Dtype::U8,
        Upstream::I8 => Dtype::I8,
        Upstream::I16 => Dtype::I16,
        Upstream::I32 => Dtype::I32,
        Upstream::I64 => Dtype::I64,
        Upstream::F16 => Dtype::F16,
        Upstream::BF16 => Dtype::BF16,
        Upstream::F32 => Dtype::F32,
        Upstream::F64 => Dtype::F64,
        other => return Err(format!("elements of type {other:?} are not supported")),
    })
}

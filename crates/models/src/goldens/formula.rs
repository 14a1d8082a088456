//! `parity/formula.py`: numbers that follow from a name.

use weights::Checkpoint;

/// Names and shapes of a network's tensors.
pub(crate) type Tensors = Vec<(String, Vec<usize>)>;

/// The formula's numbers for a tensor of this name, in -1..1.
pub(crate) fn uniform(name: &str, count: usize) -> Vec<f64> {
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    (0..count as u64)
        .map(|i| {
            let z = hash ^ i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let z = z ^ (z >> 31);
            ((z >> 40) as f64 / f64::from(1 << 24) - 0.5) * 2.0
        })
        .collect()
}

/// A safetensors file called `name` in errors, of these tensors with the values that `value` gives each.
pub(crate) fn checkpoint(
    name: &str,
    tensors: &[(String, Vec<usize>)],
    value: impl Fn(&str, &[usize]) -> Vec<f32>,
) -> Checkpoint {
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (tensor, shape) in tensors {
        let start = data.len();
        data.extend(value(tensor, shape).into_iter().flat_map(f32::to_le_bytes));
        let offsets = [start, data.len()];
        let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": offsets});
        header.insert(tensor.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    Checkpoint::from_bytes(name, file).unwrap()
}

//! What upstream's Python answered, from `tests/data`, and the formula that rebuilds its inputs and weights
//! (`parity/formula.py`).

use std::path::Path;

use candle_core::{Device, Tensor};
use weights::Checkpoint;

pub(super) struct Goldens(Checkpoint);

impl Goldens {
    pub(super) fn open(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        Self(Checkpoint::open(&folder.join(format!("{name}.safetensors"))).unwrap())
    }

    pub(super) fn shape(&self, name: &str) -> Vec<usize> {
        self.0
            .root()
            .shape(name)
            .unwrap_or_else(|| panic!("no golden {name}"))
            .to_vec()
    }

    pub(super) fn floats(&self, name: &str) -> Vec<f32> {
        self.0.root().f32(name, &self.shape(name)).unwrap()
    }

    pub(super) fn rows<const N: usize>(&self, name: &str) -> Vec<[f32; N]> {
        self.floats(name).as_chunks::<N>().0.to_vec()
    }

    pub(super) fn integer_rows<const N: usize>(&self, name: &str) -> Vec<[i64; N]> {
        self.integers(name).as_chunks::<N>().0.to_vec()
    }

    pub(super) fn indices(&self, name: &str) -> Vec<usize> {
        self.integers(name)
            .into_iter()
            .map(|i| usize::try_from(i).unwrap())
            .collect()
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        self.0.root().i64(name, &self.shape(name)).unwrap()
    }

    /// Compares an NHWC answer `[two logits, four offsets, landmarks…]` with the golden NCHW outputs of a case.
    pub(super) fn assert_outputs(&self, case: &str, answers: &Tensor) -> candle_core::Result<()> {
        let planes = answers.permute((0, 3, 1, 2))?.contiguous()?;
        let values = |first, count| -> candle_core::Result<Vec<f32>> {
            planes.narrow(1, first, count)?.flatten_all()?.to_vec1()
        };
        let softmax = {
            let logits = planes.narrow(1, 0, 2)?;
            let exp = logits.broadcast_sub(&logits.max_keepdim(1)?)?.exp()?;
            exp.broadcast_div(&exp.sum_keepdim(1)?)?
                .flatten_all()?
                .to_vec1::<f32>()?
        };
        assert_close(
            &softmax,
            &self.floats(&format!("{case}.probabilities")),
            case,
        );
        assert_close(
            &values(2, 4)?,
            &self.floats(&format!("{case}.regression")),
            case,
        );
        let landmarks = format!("{case}.landmarks");
        if self.0.root().contains(&landmarks) {
            assert_close(&values(6, 10)?, &self.floats(&landmarks), case);
        }
        Ok(())
    }

    /// Compares a layer's NHWC output with the golden samples of upstream's NCHW output.
    pub(super) fn assert_tap(&self, tap: &str, output: &Tensor) -> candle_core::Result<()> {
        let shape = self.indices(&format!("{tap}.shape"));
        let planes = output.permute((0, 3, 1, 2))?.contiguous()?;
        assert_eq!(planes.dims()[..shape.len()], shape, "{tap}");
        let values: Vec<f32> = planes.flatten_all()?.to_vec1()?;
        let expected = self.floats(&format!("{tap}.samples"));
        let count = expected.len();
        let got: Vec<f32> = (0..count)
            .map(|k| values[k * values.len() / count])
            .collect();
        assert_close(&got, &expected, tap);
        Ok(())
    }
}

fn assert_close(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= 1e-5 * largest,
            "{what}: element {i} is {a}, not {b}"
        );
    }
}

/// The formula's numbers for a tensor of this name, in -1..1.
pub(super) fn uniform(name: &str, count: usize) -> Vec<f64> {
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

/// A safetensors file of formula weights for `network`, one tensor for each name and shape.
pub(super) fn formula_checkpoint(network: &str, tensors: &[(&str, &[usize])]) -> Checkpoint {
    decided_checkpoint(network, tensors, 1.0)
}

/// The same with the layers that tell faces from the rest made `gain` times as sure.
pub(super) fn decided_checkpoint(
    network: &str,
    tensors: &[(&str, &[usize])],
    gain: f64,
) -> Checkpoint {
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for &(name, shape) in tensors {
        let start = data.len();
        let gain = if name.contains("_1.") { gain } else { 1.0 };
        let fan_in: usize = shape[1..].iter().product();
        for u in uniform(&format!("{network}.{name}"), shape.iter().product()) {
            let value = match shape.len() {
                1 if name.starts_with("prelu") => 0.25 + 0.25 * u,
                1 => 0.25 * u,
                _ => u / (fan_in as f64).sqrt(),
            };
            data.extend(((gain * value) as f32).to_le_bytes());
        }
        let entry = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()],
        });
        header.insert(name.to_owned(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    Checkpoint::from_bytes(network, file).unwrap()
}

/// The formula's input of a case, NCHW upstream, as NHWC.
pub(super) fn formula_input(
    case: &str,
    shape: (usize, usize, usize),
) -> candle_core::Result<Tensor> {
    let (batch, height, width) = shape;
    let values: Vec<f32> = uniform(&format!("{case}.input"), batch * 3 * height * width)
        .into_iter()
        .map(|u| u as f32)
        .collect();
    Tensor::from_vec(values, (batch, 3, height, width), &Device::Cpu)?
        .permute((0, 2, 3, 1))?
        .contiguous()
}

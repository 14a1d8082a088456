//! What upstream's Python answered, from `tests/data` (`parity/cases/README.md` says what each file holds), and the
//! formula that rebuilds its inputs and weights.

pub(crate) mod formula;
pub(crate) mod mutations;

use std::path::Path;

use weights::Checkpoint;

use crate::tensor::Tensor;

pub(crate) struct Goldens(Checkpoint);

impl Goldens {
    pub(crate) fn open(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        Self(Checkpoint::open(&folder.join(format!("{name}.safetensors"))).unwrap())
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.root().contains(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.tensors().map(|(name, _, _)| name)
    }

    pub(crate) fn shape(&self, name: &str) -> Vec<usize> {
        self.0
            .root()
            .shape(name)
            .unwrap_or_else(|| panic!("no golden {name}"))
            .to_vec()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.0.root().f32(name, &self.shape(name)).unwrap()
    }

    pub(crate) fn doubles(&self, name: &str) -> Vec<f64> {
        self.0.root().f64(name, &self.shape(name)).unwrap()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        self.0.root().i64(name, &self.shape(name)).unwrap()
    }

    pub(crate) fn rows<const N: usize>(&self, name: &str) -> Vec<[f32; N]> {
        self.floats(name).as_chunks::<N>().0.to_vec()
    }

    pub(crate) fn integer_rows<const N: usize>(&self, name: &str) -> Vec<[i64; N]> {
        self.integers(name).as_chunks::<N>().0.to_vec()
    }

    pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
        self.integers(name)
            .into_iter()
            .map(|i| usize::try_from(i).unwrap())
            .collect()
    }
}

/// Upstream's `[batch, channels, height, width]` as `[batch, height, width, channels]`.
pub(crate) fn nhwc(values: &[f32], [batch, channels, height, width]: [usize; 4]) -> Tensor {
    let area = height * width;
    let mut turned = Vec::with_capacity(values.len());
    for image in values.chunks_exact(channels * area) {
        for place in 0..area {
            turned.extend(image[place..].iter().step_by(area));
        }
    }
    Tensor::new(turned, &[batch, height, width, channels])
}

/// The other way round: the shape and the numbers as upstream has them.
pub(crate) fn nchw(x: &Tensor) -> ([usize; 4], Vec<f32>) {
    let [batch, height, width, channels] = x.dims();
    // Channels and places change parts.
    let turned = nhwc(x.values(), [batch, height * width, channels, 1]);
    ([batch, channels, height, width], turned.into_vec())
}

/// Of the absolute values.
pub(crate) fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, v| largest.max(v.abs()))
}

/// How far two vectors lie apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distance {
    pub(crate) cosine: f64,
    /// Largest difference of two elements, over the largest element expected.
    pub(crate) difference: f32,
}

impl Distance {
    /// Not a number anywhere makes both not a number, which is within no tolerance.
    pub(crate) fn between(got: &[f32], expected: &[f32]) -> Self {
        assert_eq!(got.len(), expected.len());
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(&a, &b)| f64::from(a) * f64::from(b))
                .sum()
        };
        let norms = (dot(got, got) * dot(expected, expected)).sqrt();
        let differences = got.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let most = |most: f32, d: f32| if d > most || d.is_nan() { d } else { most };
        Self {
            cosine: dot(got, expected) / norms,
            difference: differences.fold(0.0, most) / largest(expected),
        }
    }
}

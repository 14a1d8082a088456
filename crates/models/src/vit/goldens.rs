//! What the goldens of all vision transformers have in common (`parity/cases/vit.py`).

use super::{Config, Vit};
use crate::goldens::formula::uniform;
use crate::goldens::{Distance, Goldens, nhwc};
use crate::tensor::Tensor;
use crate::{Interrupt, Interrupted, Isa, Placement, Precision};

/// A tiny network. What it leaves open is taken from the real one.
pub(crate) struct Size {
    pub(crate) name: &'static str,
    sizes: fn(Config) -> Config,
    /// Length of a vector, where a model has a projection of its own.
    pub(crate) dims: usize,
    /// How large the tokens are before the first norm. Small ones show that norm's eps.
    tokens: f64,
}

pub(crate) const EVEN: Size = Size {
    name: "even",
    sizes: |real| Config {
        side: 48,
        patch: 16,
        width: 128,
        layers: 3,
        heads: 2,
        ..real
    },
    dims: 40,
    tokens: 1.0,
};

pub(crate) const ODD: Size = Size {
    name: "odd",
    sizes: |real| Config {
        side: 30,
        patch: 6,
        width: 72,
        layers: 2,
        heads: 3,
        ..real
    },
    dims: 9,
    tokens: 1.0 / 256.0,
};

pub(crate) fn cpu(precision: Precision) -> Placement {
    Placement::new(precision)
}

/// Both precisions on every instruction set of this processor.
pub(crate) fn placements() -> impl Iterator<Item = Placement> {
    Isa::available().into_iter().flat_map(|isa| {
        [Precision::F32, Precision::Bf16].map(|precision| Placement {
            isa,
            ..cpu(precision)
        })
    })
}

impl Size {
    pub(crate) fn config(&self, real: Config) -> Config {
        (self.sizes)(real)
    }

    /// `parity/formula.py`'s weight of a vision transformer; `case` and `name` make the formula's name.
    pub(crate) fn weight(&self, case: &str, name: &str, shape: &[usize]) -> Vec<f32> {
        let (_, last) = name.rsplit_once('.').unwrap_or(("", name));
        let embedding = [
            "class_embedding",
            "positional_embedding",
            "cls_token",
            "pos_embed",
        ];
        let fan_in: usize = match last {
            "proj" => shape[0],
            _ => shape.iter().skip(1).product(),
        };
        let before_norm = if name == "patch_embed.proj.bias" || embedding.contains(&last) {
            self.tokens
        } else {
            1.0
        };
        let weight = |u: f64| match (last, shape.len()) {
            (last, _) if embedding.contains(&last) => u,
            ("gamma" | "weight", 1) => 1.0 + 0.5 * u,
            (_, 1) => 0.25 * u,
            _ => u * (2.0 / (fan_in as f64).sqrt()),
        };
        let values = uniform(&format!("{case}.{name}"), shape.iter().product());
        values
            .into_iter()
            .map(|u| (weight(u) as f32) * before_norm as f32)
            .collect()
    }

    /// The formula's pixels of a case, NCHW upstream, as NHWC: a batch of two.
    pub(crate) fn input(&self, case: &str, real: Config) -> Tensor {
        let side = self.config(real).side;
        let values: Vec<f32> = uniform(&format!("{case}.input"), 2 * 3 * side * side)
            .into_iter()
            .map(|u| (u * 2.0 * self.tokens) as f32)
            .collect();
        nhwc(&values, [2, 3, side, side])
    }
}

/// What a comparison with upstream allows.
pub(crate) fn within(precision: Precision, distance: Distance) -> bool {
    match precision {
        Precision::F32 => distance.cosine >= 0.999_99 && distance.difference <= 1e-3,
        Precision::Bf16 => distance.cosine >= 0.9995,
    }
}

pub(crate) fn assert_golden(goldens: &Goldens, name: &str, got: &Tensor, precision: Precision) {
    assert_eq!(got.shape(), goldens.shape(name), "{name}");
    let distance = Distance::between(got.values(), &goldens.floats(name));
    assert!(
        within(precision, distance),
        "{name} {precision:?}: {distance:?}"
    );
}

impl Vit {
    /// Compares with upstream after the embeddings, after the first block and after the last.
    pub(crate) fn assert_stages(
        &self,
        goldens: &Goldens,
        case: &str,
        input: &Tensor,
        precision: Precision,
    ) -> Result<(), Interrupted> {
        let stage =
            |name, got: &Tensor| assert_golden(goldens, &format!("{case}.{name}"), got, precision);
        let embedded = self.embed(input);
        stage("embedded", &embedded);
        let tokens = embedded.shape()[1];
        let block0 = self.blocks[0].forward(&embedded, tokens, Interrupt::NEVER)?;
        stage("block0", &block0);
        stage("trunk", &self.trunk(embedded, Interrupt::NEVER)?);
        Ok(())
    }
}

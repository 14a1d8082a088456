//! Which model made the vectors that a classifier was trained on.

use models::{clip, dinov2};
use serde::{Deserialize, Serialize};

/// A model that made vectors. Vectors of two models have nothing in common, even where they are as long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingModel {
    /// Its name in the catalogue of weights.
    pub model: String,
    /// SHA-256 of its weights, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Nobody said so: it is the Python service's default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

/// What the Python service answers each of its operations with.
const OF_PYTHON_SERVICE: [(&str, &str); 2] = [
    ("embed_clip_vit_b_32", "clip-vit-b-32"),
    ("embed_dino_v2", dinov2::CATALOGUE_NAME),
];

impl EmbeddingModel {
    /// The catalogue's `model`, whose weights are not known.
    #[must_use]
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            sha256: None,
            assumed: false,
        }
    }

    /// The model with which the Python service answers `operation`.
    #[must_use]
    pub fn of_python_service(operation: &str) -> Option<Self> {
        let known = OF_PYTHON_SERVICE.iter();
        let (_, model) = known.copied().find(|(known, _)| *known == operation)?;
        Some(Self::new(model))
    }

    /// The operation that is answered with this model, by default or by a setting.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        let name = self.model.as_str();
        let of_clip = clip::Variant::ALL.map(clip::Variant::catalogue_name);
        match name {
            dinov2::CATALOGUE_NAME => Some("embed_dino_v2"),
            _ if of_clip.contains(&name) => Some("embed_clip_vit_b_32"),
            _ => None,
        }
    }

    /// Every model of the catalogue that makes vectors.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let clip = clip::Variant::ALL.map(clip::Variant::catalogue_name);
        clip.into_iter().chain([dinov2::CATALOGUE_NAME]).collect()
    }

    /// Whether the weights are others; unknown ones are taken for the same.
    #[must_use]
    pub fn has_other_weights_than(&self, other: &Self) -> bool {
        matches!((&self.sha256, &other.sha256), (Some(one), Some(two)) if !one.eq_ignore_ascii_case(two))
    }

    /// Whether the vectors of both can be compared, as far as is known.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.model == other.model && !self.has_other_weights_than(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_the_catalogue_and_answers_its_operation() {
        for (operation, model) in OF_PYTHON_SERVICE {
            assert!(weights::catalog::find(model).is_some_and(|it| it.by_default));
            let made_by = EmbeddingModel::of_python_service(operation).unwrap();
            assert_eq!(made_by.operation(), Some(operation));
        }
        for name in EmbeddingModel::names() {
            assert!(EmbeddingModel::new(name).operation().is_some(), "{name}");
        }
        assert_eq!(EmbeddingModel::new("mtcnn").operation(), None);
    }

    #[test]
    fn models_agree_unless_their_names_or_known_hashes_differ() {
        let with = |model: &str, sha256: Option<&str>| EmbeddingModel {
            sha256: sha256.map(str::to_owned),
            ..EmbeddingModel::new(model)
        };
        let b32 = with("clip-vit-b-32", Some("ab"));
        for (other, agrees) in [
            (with("clip-vit-b-32", Some("AB")), true),
            (with("clip-vit-b-32", None), true),
            (with("clip-vit-b-32", Some("ac")), false),
            (with("clip-vit-b-16", None), false),
            (with("clip-vit-b-16", Some("ab")), false),
        ] {
            assert_eq!(b32.agrees_with(&other), agrees, "{other:?}");
            assert_eq!(other.agrees_with(&b32), agrees, "{other:?}");
        }
    }
}

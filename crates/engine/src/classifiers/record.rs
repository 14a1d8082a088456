//! What a classifier says of itself.

use models::logistic::Metrics;
use serde::{Deserialize, Serialize};

use super::embedding_model::EmbeddingModel;

/// Everything about a classifier but its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which part of the image it was trained on: the name of a target.
    pub derivative_type: String,
    /// Which embeddings: names of operations, several joined by `+`.
    pub embedding_type: String,
    /// How many numbers an embedding has.
    pub dimensionality: usize,
    /// The models that made those, one an embedding, in their order. Files of older versions do not say;
    /// [`models`](Self::models) says what they are taken for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedding_models: Vec<EmbeddingModel>,
    /// Whether images were turned as their EXIF orientation says, before; none where others made the embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif_orientation_applied: Option<bool>,
    /// When it was trained, UTC; a pickle does not say more than its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_at: Option<String>,
    /// What made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How much it was trained and judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleCounts>,
    /// How it did on the rows held out when it was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricsRecord>,
}

impl Record {
    /// What a classifier is for; all else is not known.
    #[must_use]
    pub fn new(derivative_type: &str, embedding_type: &str, dimensionality: usize) -> Self {
        Self {
            derivative_type: derivative_type.to_owned(),
            embedding_type: embedding_type.to_owned(),
            dimensionality,
            embedding_models: Vec::new(),
            exif_orientation_applied: None,
            trained_at: None,
            origin: None,
            samples: None,
            metrics: None,
        }
    }

    /// The operations whose vectors it was trained on, which lay one behind the other.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        operations_of(&self.embedding_type)
    }

    /// The models that made the vectors: what the record says, or of a record that does not say, those of the Python service.
    /// Empty where that has no such operation.
    #[must_use]
    pub fn models(&self) -> Vec<EmbeddingModel> {
        if !self.embedding_models.is_empty() {
            return self.embedding_models.clone();
        }
        let assumed = self.operations().map(|operation| {
            let model = EmbeddingModel::of_python_service(operation)?;
            Some(EmbeddingModel {
                assumed: true,
                ..model
            })
        });
        assumed.collect::<Option<_>>().unwrap_or_default()
    }

    /// [`models`](Self::models) by their names, joined by `+`.
    #[must_use]
    pub fn models_in_words(&self) -> String {
        let models = self.models();
        let names: Vec<&str> = models.iter().map(|it| it.model.as_str()).collect();
        names.join("+")
    }

    /// Whether both were trained on the same region, and on vectors that can be compared.
    #[must_use]
    pub fn is_comparable_with(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.models(), other.models());
        self.derivative_type == other.derivative_type
            && self.operations().eq(other.operations())
            && self.dimensionality == other.dimensionality
            && ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(a, b)| a.agrees_with(b))
    }
}

/// The operations that an embedding type names; without a word it is CLIP's.
pub fn operations_of(embedding_type: &str) -> impl Iterator<Item = &str> {
    match embedding_type {
        "" => "embed_clip_vit_b_32",
        named => named,
    }
    .split('+')
}

/// How many rows there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCounts {
    /// Trained on.
    pub train: usize,
    /// Held out.
    pub test: usize,
    /// Of all, those in the collection.
    pub positives: usize,
}

/// [`Metrics`] as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in `Metrics`")]
pub struct MetricsRecord {
    pub macro_precision: f64,
    pub macro_recall: f64,
    pub macro_f1: f64,
    pub accuracy: f64,
    pub roc_auc: Option<f64>,
}

impl From<Metrics> for MetricsRecord {
    fn from(metrics: Metrics) -> Self {
        Self {
            macro_precision: metrics.macro_precision,
            macro_recall: metrics.macro_recall,
            macro_f1: metrics.macro_f1,
            accuracy: metrics.accuracy,
            roc_auc: metrics.roc_auc,
        }
    }
}

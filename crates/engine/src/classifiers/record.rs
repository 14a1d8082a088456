//! What a classifier says of itself.

use models::logistic::Metrics;
use serde::{Deserialize, Serialize};

/// Everything about a classifier but its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which part of the image it was trained on: the name of a target.
    pub derivative_type: String,
    /// Which embeddings: names of operations, several joined by `+`.
    pub embedding_type: String,
    /// How many numbers an embedding has.
    pub dimensionality: usize,
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

use std::collections::BTreeMap;

use engine::classifiers::{EmbeddingModel, MetricsRecord, ServedClassifier, VersionName};
use serde::Serialize;
use utoipa::ToSchema;

use super::without_folders::without_folders;

/// The answer of `GET /classifiers/`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassifiersResponse {
    /// Every collection that has a classifier, by its `collection_id`.
    #[schema(value_type = std::collections::HashMap<String, ClassifierInfo>)]
    pub classifiers: BTreeMap<u64, ClassifierInfo>,
    /// What is wrong with `best_models.json`, if anything is; until it is mended, the collections are those that it had before.
    pub problem: Option<String>,
}

/// A collection's classifier.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassifierInfo {
    /// The file that `best_models.json` names as the best.
    #[schema(example = "collection_15_classifier_2025-11-25_225209.safetensors")]
    pub model_file: String,
    /// The file that what answers was read from: the best, or while that is broken what was in force before; null if none can be read.
    #[schema(example = "collection_15_classifier_2025-11-25_225209.safetensors")]
    pub served_file: Option<String>,
    /// When the one that answers was trained, UTC, as its file's name or else its record says.
    #[schema(example = "2025-11-25_225209")]
    pub version: Option<String>,
    /// The region that it was trained on: the target of a task that names none.
    #[schema(example = "whole_image")]
    pub derivative_type: Option<String>,
    /// The embeddings that it was trained on, by their operations' names; several are joined by `+`.
    #[schema(example = "embed_clip_vit_b_32")]
    pub embedding_type: Option<String>,
    /// The models that made those, one an embedding, in their order. A server with other ones says so in `problem`, and answers `error`.
    pub embedding_models: Option<Vec<EmbeddingModelInfo>>,
    /// Whether images were turned as their EXIF orientation says before they were embedded; null where that is not known.
    pub exif_orientation_applied: Option<bool>,
    /// How many numbers those have.
    #[schema(example = 512)]
    pub dimensionality: Option<usize>,
    /// How the best did on the rows held out in the last bake-off.
    pub metrics: Option<ClassifierMetrics>,
    /// What is wrong, if anything is: the best one's file cannot be read, or what it was trained on is not to be had here.
    pub problem: Option<String>,
}

/// A model that made embeddings.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingModelInfo {
    /// Its name, as `image-embed models list` has it.
    #[schema(example = "clip-vit-b-32")]
    pub model: String,
    /// SHA-256 of its weights; null where that is not known.
    pub sha256: Option<String>,
    /// Nobody said so: it is what the Python service has.
    pub assumed: bool,
}

/// How well a classifier tells the two classes apart.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassifierMetrics {
    /// Mean of both classes' precisions, by which the best is chosen.
    pub macro_precision: f64,
    /// Mean of both classes' recalls.
    pub macro_recall: f64,
    /// Mean of both classes' F1 scores.
    pub macro_f1: f64,
    /// Part of the rows that it was right about.
    pub accuracy: f64,
    /// Area under the ROC curve; null where the rows were of one class.
    pub roc_auc: Option<f64>,
}

impl ClassifiersResponse {
    /// The response about `classifiers` and `problem`, which [`engine::Engine::classifiers`] gives.
    #[must_use]
    pub fn new((classifiers, problem): (Vec<ServedClassifier>, Option<String>)) -> Self {
        let classifiers = classifiers.into_iter();
        Self {
            classifiers: classifiers
                .map(|served| (served.collection, served.into()))
                .collect(),
            problem: problem.as_deref().map(without_folders),
        }
    }
}

impl From<ServedClassifier> for ClassifierInfo {
    fn from(served: ServedClassifier) -> Self {
        let record = served.classifier.as_deref().map(|it| &it.record);
        Self {
            version: served
                .file
                .as_deref()
                .and_then(version)
                .or_else(|| record?.trained_at.clone()),
            derivative_type: record.map(|it| it.derivative_type.clone()),
            embedding_type: record.map(|it| it.embedding_type.clone()),
            embedding_models: record.map(|it| it.models().into_iter().map(Into::into).collect()),
            exif_orientation_applied: record.and_then(|it| it.exif_orientation_applied),
            dimensionality: record.map(|it| it.dimensionality),
            metrics: served.best.metrics.map(Into::into),
            model_file: served.best.model_file,
            served_file: served.file,
            problem: served.problem.as_deref().map(without_folders),
        }
    }
}

impl From<EmbeddingModel> for EmbeddingModelInfo {
    fn from(model: EmbeddingModel) -> Self {
        Self {
            model: model.model,
            sha256: model.sha256,
            assumed: model.assumed,
        }
    }
}

fn version(file: &str) -> Option<String> {
    let name = VersionName::parse(file.strip_suffix(".safetensors")?)?;
    Some(name.version?.to_string())
}

impl From<MetricsRecord> for ClassifierMetrics {
    fn from(metrics: MetricsRecord) -> Self {
        Self {
            macro_precision: metrics.macro_precision,
            macro_recall: metrics.macro_recall,
            macro_f1: metrics.macro_f1,
            accuracy: metrics.accuracy,
            roc_auc: metrics.roc_auc,
        }
    }
}

//! Trained classifiers on disk: versions of each collection, which is the best, and how a server follows changes.
//!
//! A folder holds `collection_{id}_classifier_{YYYY-MM-DD_HHMMSS}.safetensors`, one a training; a copy of the best as
//! `collection_{id}_compatible_classifier.safetensors`; and `best_models.json`, which says which is in force. Every file is
//! written beside its name and renamed when it is whole and on disk. `best_models.json` comes last and names only files that
//! are there, so that a training which is killed at any moment changes nothing or everything of a collection.

mod bake_off;
mod best_models;
mod classifier;
mod disk;
mod embedding_model;
mod error;
mod file_format;
mod folder;
mod followed;
mod gate;
mod judgement;
mod known;
mod record;
mod regular_file;
mod replace;
mod served;
mod version;

#[cfg(test)]
mod tests;

pub use bake_off::{Contender, bake_off};
pub use best_models::{BestModel, BestModels};
pub use classifier::Classifier;
pub use embedding_model::EmbeddingModel;
pub use error::{ClassifierError, Unserved};
pub use folder::{ClassifierFolder, KEPT_VERSIONS, WritableFolder};
pub use known::ServedClassifier;
pub use record::{MetricsRecord, Record, SampleCounts, operations_of};
pub(crate) use served::Found;
pub use served::ServedClassifiers;
pub use version::{Version, VersionName};

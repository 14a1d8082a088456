//! What an imported classifier was trained on, as its user says or as it looks.

use engine::OPERATIONS;
use engine::classifiers::{EmbeddingModel, Record, operations_of};

/// Embeddings, one behind the other, and the model that made each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Embedding {
    /// Names of operations, joined by `+`.
    pub(super) embedding_type: String,
    /// Empty where an operation is unknown.
    pub(super) models: Vec<EmbeddingModel>,
}

impl Embedding {
    /// Reads names of operations, which stand for the Python service's models, or of models of the catalogue.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut operations = Vec::new();
        let mut models = Vec::new();
        for name in text.split('+') {
            let model = EmbeddingModel::of_python_service(name)
                .unwrap_or_else(|| EmbeddingModel::new(name));
            let Some(operation) = model.operation() else {
                let known = OPERATIONS.iter().filter(|it| it.gives_vectors());
                let known: Vec<&str> = known
                    .map(|it| it.name)
                    .chain(EmbeddingModel::names())
                    .collect();
                let known = known.join(", ");
                return Err(format!(
                    "'{name}' is none of {known}; several are joined by +"
                ));
            };
            operations.push(operation);
            models.push(model);
        }
        Ok(Self {
            embedding_type: operations.join("+"),
            models,
        })
    }

    /// What an embedding type, which does not say which models made it, is taken for: what the Python service has.
    pub(super) fn assumed(embedding_type: &str) -> Self {
        let models = operations_of(embedding_type).map(|operation| {
            let model = EmbeddingModel::of_python_service(operation)?;
            Some(EmbeddingModel {
                assumed: true,
                ..model
            })
        });
        Self {
            models: models.collect::<Option<_>>().unwrap_or_default(),
            embedding_type: embedding_type.to_owned(),
        }
    }

    /// The Python service's embeddings of so many numbers.
    pub(super) fn of_width(dimensionality: usize) -> Option<Self> {
        let embedding_type = match dimensionality {
            512 => "embed_clip_vit_b_32",
            768 => "embed_dino_v2",
            1280 => "embed_clip_vit_b_32+embed_dino_v2",
            _ => return None,
        };
        Some(Self::assumed(embedding_type))
    }

    /// Whether the record says the same.
    pub(super) fn is_that_of(&self, record: &Record) -> bool {
        self.embedding_type == record.embedding_type && self.models == record.embedding_models
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_models_are_read_in_their_order() {
        for (text, embedding_type, models) in [
            (
                "embed_clip_vit_b_32",
                "embed_clip_vit_b_32",
                &["clip-vit-b-32"][..],
            ),
            (
                "dinov2-vit-b-14+clip-vit-l-14",
                "embed_dino_v2+embed_clip_vit_b_32",
                &["dinov2-vit-b-14", "clip-vit-l-14"],
            ),
            (
                "clip-vit-b-16+embed_dino_v2",
                "embed_clip_vit_b_32+embed_dino_v2",
                &["clip-vit-b-16", "dinov2-vit-b-14"],
            ),
        ] {
            let read = Embedding::parse(text).unwrap();
            assert_eq!(read.embedding_type, embedding_type);
            let names: Vec<&str> = read.models.iter().map(|it| it.model.as_str()).collect();
            assert_eq!(names, models);
            assert!(read.models.iter().all(|it| !it.assumed));
        }
        for (text, name) in [
            ("mtcnn", "mtcnn"),
            ("", ""),
            ("clip-vit-b-32+classify", "classify"),
        ] {
            let error = Embedding::parse(text).unwrap_err();
            let said = format!("'{name}' is none of embed_clip_vit_b_32, embed_dino_v2, clip-");
            assert!(error.starts_with(&said), "{error}");
        }
    }

    #[test]
    fn what_nobody_says_is_assumed() {
        let joined = Embedding::of_width(1280).unwrap();
        assert_eq!(joined.embedding_type, "embed_clip_vit_b_32+embed_dino_v2");
        assert_eq!(joined.models.len(), 2);
        assert!(joined.models.iter().all(|it| it.assumed));
        assert_eq!(Embedding::of_width(5), None);
        assert!(Embedding::assumed("embed_sift").models.is_empty());
    }
}

//! Which models made embeddings that come from elsewhere.

use engine::classifiers::{EmbeddingModel, operations_of};

/// What made a collection's embeddings, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MadeBy {
    /// One an embedding, in their order; empty where an embedding is of no known operation.
    pub(crate) models: Vec<EmbeddingModel>,
    /// Whether images were turned as their EXIF orientation says.
    pub(crate) exif_orientation_applied: Option<bool>,
}

/// The models of a training site: the Python service's, unless it is said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiteModels(Vec<EmbeddingModel>);

impl SiteModels {
    /// The site has `said` models, each for the operation that it answers.
    pub(crate) fn new(said: &[EmbeddingModel]) -> anyhow::Result<Self> {
        for (index, model) in said.iter().enumerate() {
            let before = &said[..index];
            if let Some(other) = before.iter().find(|it| it.operation() == model.operation()) {
                let (one, two) = (&other.model, &model.model);
                anyhow::bail!(
                    "--embedding-model: {one} and {two} make embeddings of one operation; name one of them"
                );
            }
        }
        Ok(Self(said.to_vec()))
    }

    /// What made the site's embeddings of this type.
    pub(crate) fn of(&self, embedding_type: &str) -> MadeBy {
        let models = operations_of(embedding_type).map(|operation| {
            let mut said = self.0.iter();
            said.find(|it| it.operation() == Some(operation))
                .cloned()
                .or_else(|| EmbeddingModel::of_python_service(operation))
        });
        MadeBy {
            models: models.collect::<Option<_>>().unwrap_or_default(),
            exif_orientation_applied: None,
        }
    }
}

/// A model of the catalogue that makes embeddings.
pub(crate) fn embedding_model(name: &str) -> Result<EmbeddingModel, String> {
    let model = EmbeddingModel::new(name);
    match model.operation() {
        Some(_) => Ok(model),
        None => Err(format!(
            "expected one of {}",
            EmbeddingModel::names().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(said: &[&str], embedding_type: &str) -> Vec<String> {
        let said: Vec<_> = said.iter().map(|it| embedding_model(it).unwrap()).collect();
        let made_by = SiteModels::new(&said).unwrap().of(embedding_type);
        assert_eq!(made_by.exif_orientation_applied, None);
        assert!(made_by.models.iter().all(|it| !it.assumed));
        made_by.models.into_iter().map(|it| it.model).collect()
    }

    #[test]
    fn a_sites_embeddings_are_the_python_services_unless_it_is_said_otherwise() {
        let both = "embed_dino_v2+embed_clip_vit_b_32";
        assert_eq!(models(&[], ""), ["clip-vit-b-32"]);
        assert_eq!(models(&[], both), ["dinov2-vit-b-14", "clip-vit-b-32"]);
        let said = ["clip-vit-b-16"];
        assert_eq!(models(&said, both), ["dinov2-vit-b-14", "clip-vit-b-16"]);
        assert_eq!(models(&said, "embed_dino_v2"), ["dinov2-vit-b-14"]);
        assert!(models(&said, "embed_clip_vit_b_32+embed_sift").is_empty());
    }

    #[test]
    fn models_that_make_no_embeddings_or_the_same_ones_are_refused() {
        let error = embedding_model("mtcnn").unwrap_err();
        assert!(
            error.starts_with("expected one of clip-vit-b-32, "),
            "{error}"
        );
        let two = ["clip-vit-b-32", "clip-vit-b-16"].map(EmbeddingModel::new);
        let error = SiteModels::new(&two).unwrap_err().to_string();
        assert!(error.contains("clip-vit-b-32 and clip-vit-b-16"), "{error}");
    }
}

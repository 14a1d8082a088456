//! What a classifier is asked about, as its record says, and what it says of that.

use models::logistic::sigmoid;

use super::classifier::Classifier;
use super::embedding_model::EmbeddingModel;
use super::error::Unserved;
use crate::lineup::Role;
use crate::operations::{Kind, OPERATIONS};
use crate::params::shortened;
use crate::result::Classification;
use crate::target::Target;

impl Classifier {
    /// The part of an image that it was trained on.
    pub(crate) fn region(&self) -> Result<Target, Unserved> {
        match self.record.derivative_type.as_str() {
            "" => Ok(Target::WholeImage),
            name => Target::ALL
                .into_iter()
                .find(|target| target.name() == name)
                .ok_or_else(|| {
                    let known = Target::ALL.map(Target::name).join(", ");
                    let name = shortened(name);
                    self.broken(format!("its derivative_type '{name}' is none of {known}"))
                }),
        }
    }

    /// Those whose vectors it was trained on, which lay one behind the other.
    pub(crate) fn roles(&self) -> Result<Vec<Role>, Unserved> {
        let operations = self.record.operations();
        operations.map(|name| self.role(name)).collect()
    }

    fn role(&self, name: &str) -> Result<Role, Unserved> {
        let mut embeddings = OPERATIONS.iter().filter_map(|it| match it.kind {
            Kind::Embed(role) => Some((it.name, role)),
            _ => None,
        });
        let found = embeddings.clone().find(|(known, _)| *known == name);
        found.map(|(_, role)| role).ok_or_else(|| {
            let known: Vec<_> = embeddings.by_ref().map(|(known, _)| known).collect();
            let (name, known) = (shortened(name), known.join(", "));
            self.broken(format!(
                "its embedding_type has '{name}', which is none of {known}"
            ))
        })
    }

    /// Fails if its vectors were made by other models than `here`, which are this server's, in the order of its embeddings.
    pub(crate) fn fits(&self, here: &[EmbeddingModel]) -> Result<(), Unserved> {
        let trained_on = self.record.models();
        if trained_on.len() != here.len() {
            let (named, embeddings) = (trained_on.len(), here.len());
            return Err(self.broken(format!(
                "its record names {named} models, and its embedding_type {embeddings} embeddings"
            )));
        }
        let pairs = trained_on.iter().zip(here);
        for (operation, (trained_on, here)) in self.record.operations().zip(pairs) {
            let model = shortened(&trained_on.model);
            let assumed = match trained_on.assumed {
                true => " (which its record only assumes)",
                false => "",
            };
            let ours = &here.model;
            if trained_on.model != here.model {
                return Err(self.broken(format!(
                    "it was trained on vectors of {model}{assumed}, and this server's {operation} is {ours}"
                )));
            }
            if trained_on.has_other_weights_than(here) {
                let hash = |it: &EmbeddingModel| {
                    let hash = it.sha256.as_deref().unwrap_or_default();
                    hash.chars().take(12).collect::<String>()
                };
                let (theirs, ours) = (hash(trained_on), hash(here));
                return Err(self.broken(format!(
                    "it was trained on vectors of {model} with weights of sha256 {theirs}…, and this server's have {ours}…"
                )));
            }
        }
        Ok(())
    }

    /// Fails unless it takes vectors of `width` numbers.
    pub(crate) fn takes(&self, width: usize) -> Result<(), Unserved> {
        let expected = self.model.coefficients().len();
        if width == expected {
            return Ok(());
        }
        Err(self.broken(format!(
            "it was trained on vectors of {expected} numbers, and those of its embedding_type have {width} here"
        )))
    }

    /// Whether what has this vector is in the collection.
    pub(crate) fn judge(&self, embedding: &[f32]) -> Result<Classification, Unserved> {
        self.takes(embedding.len())?;
        let decision = self.model.decision(embedding);
        // Huge coefficients of both signs add up to this, and JSON has no word for it.
        if decision.is_nan() {
            return Err(self.broken("its numbers are too large to be added up".to_owned()));
        }
        Ok(Classification {
            is_in_collection: decision > 0.0,
            probability: sigmoid(decision),
        })
    }

    fn broken(&self, reason: String) -> Unserved {
        let collection = self.collection;
        Unserved::Broken { collection, reason }
    }
}

//! Where samples come from.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use engine::Target;

use super::listing;
use super::made_by::{MadeBy, SiteModels};
use super::training_data::TrainingData;

/// What embeddings are of, and what made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Focus {
    /// The name of a target.
    pub(crate) derivative_type: String,
    /// Names of operations, joined by `+`.
    pub(crate) embedding_type: String,
}

/// The name of a target.
pub(crate) fn target(name: &str) -> Result<String, String> {
    let known = [
        Target::WholeImage,
        Target::ProminentPerson,
        Target::ProminentFace,
    ]
    .map(Target::name);
    match known.contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(format!("expected one of {}", known.join(", "))),
    }
}

/// A collection as a source lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    /// None where the list has something else in its place.
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) focus: Focus,
    /// Why it cannot be trained, if that is known from the list already.
    pub(crate) problem: Option<String>,
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "collection {id}")?,
            None => write!(f, "collection without a number")?,
        }
        if self.name.is_empty() {
            return Ok(());
        }
        write!(f, " '{}'", self.name)
    }
}

/// Lists collections, and has each one's samples.
pub(crate) trait Source {
    fn collections(&self) -> anyhow::Result<Vec<Collection>>;

    fn training_data(&self, collection: u64) -> anyhow::Result<TrainingData>;

    /// What made the embeddings that it gave of this type.
    fn made_by(&self, embedding_type: &str) -> MadeBy;
}

/// A folder of the files that the training site serves.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: PathBuf,
    focus: Focus,
    models: SiteModels,
}

impl Folder {
    pub(crate) fn new(folder: &Path, focus: Focus, models: SiteModels) -> Self {
        Self {
            folder: folder.to_owned(),
            focus,
            models,
        }
    }

    fn read(&self, file: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.folder.join(file);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}

impl Source for Folder {
    fn collections(&self) -> anyhow::Result<Vec<Collection>> {
        let list = self.read("collections.json")?;
        listing::parse(&list, &self.focus).context("collections.json")
    }

    fn training_data(&self, collection: u64) -> anyhow::Result<TrainingData> {
        TrainingData::parse(&self.read(&format!("collections/{collection}/training_data.json"))?)
    }

    fn made_by(&self, embedding_type: &str) -> MadeBy {
        self.models.of(embedding_type)
    }
}

//! The models in memory: which there are, how each gets there, and how far it is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use candle_core::Device;
use models::mtcnn::Mtcnn;
use thiserror::Error;
use weights::catalog::{self, ModelFiles};
use weights::{Silent, Store};

use crate::slot::{Glance, Slot};

/// A model this version can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// Face detection.
    Mtcnn,
}

/// Every model this version can load.
pub const MODELS: &[Model] = &[Model::Mtcnn];

/// A name that is no model's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown model '{0}' (known: {known})", known = known_names())]
pub struct UnknownModel(String);

/// How far a model is from answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// In memory.
    Ready,
    /// On its way: being downloaded, or read from disk.
    Loading,
    /// On disk; the first request that needs it loads it.
    OnDemand,
    /// Not to be had; the text says why, and how to mend it.
    Unavailable(String),
}

impl Model {
    /// Its name in settings, logs and the weights catalogue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mtcnn => "mtcnn",
        }
    }

    /// The upstream files it is made of.
    fn files(self) -> &'static ModelFiles {
        catalog::find(self.name()).expect("every model has a catalogue row; the tests check it")
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        MODELS
            .iter()
            .copied()
            .find(|model| model.name() == name)
            .ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

fn known_names() -> String {
    MODELS
        .iter()
        .map(|model| model.name())
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) struct Registry {
    store: Store,
    device: Device,
    mtcnn: Slot<Mtcnn>,
}

impl Registry {
    pub(crate) fn new(store: Store, device: Device) -> Self {
        Self {
            store,
            device,
            mtcnn: Slot::new(),
        }
    }

    /// MTCNN if it is in memory already.
    pub(crate) fn mtcnn_if_ready(&self) -> Option<Arc<Mtcnn>> {
        self.mtcnn.ready()
    }

    /// MTCNN, read from disk if need be; never downloads. Blocks, so not for async threads. The error is for clients.
    pub(crate) fn mtcnn(&self) -> Result<Arc<Mtcnn>, String> {
        self.mtcnn
            .get(|| self.load_mtcnn())
            .map_err(|reason| unavailable(Model::Mtcnn, &reason))
    }

    /// Brings a model into memory, downloading its files first where that is allowed. Blocks, possibly for minutes.
    pub(crate) fn preload(&self, model: Model) -> Result<(), String> {
        match model {
            Model::Mtcnn => self
                .mtcnn
                .fetch_and_get(|| self.fetch(model), || self.load_mtcnn())
                .map(drop),
        }
    }

    pub(crate) fn readiness(&self, model: Model) -> Readiness {
        let glance = match model {
            Model::Mtcnn => self.mtcnn.glance(),
        };
        match glance {
            Glance::Ready => Readiness::Ready,
            Glance::Fetching | Glance::Loading => Readiness::Loading,
            // Files may have come or gone since the last attempt: the disk knows better than the slot.
            Glance::Empty | Glance::Failed(_) => match (self.locate(model), glance) {
                (Err(reason), _) => Readiness::Unavailable(reason),
                (Ok(_), Glance::Failed(reason)) => Readiness::Unavailable(reason),
                (Ok(_), _) => Readiness::OnDemand,
            },
        }
    }

    fn load_mtcnn(&self) -> Result<Mtcnn, String> {
        let files = self.locate(Model::Mtcnn)?;
        let [pnet, rnet, onet] = files.as_slice() else {
            return Err(format!(
                "the catalogue lists {} files for mtcnn, not 3",
                files.len()
            ));
        };
        Mtcnn::load(pnet, rnet, onet, &self.device).map_err(|error| error.to_string())
    }

    fn locate(&self, model: Model) -> Result<Vec<PathBuf>, String> {
        let files = model.files().files.iter();
        files
            .map(|file| self.store.locate(file).map_err(|error| error.to_string()))
            .collect()
    }

    fn fetch(&self, model: Model) -> Result<(), String> {
        for file in model.files().files {
            if self.store.locate(file).is_err() {
                tracing::info!(model = model.name(), file = file.path, "downloading");
                // A server's log is no place for a progress bar.
                self.store
                    .pull(file, &Silent)
                    .map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

fn unavailable(model: Model, reason: &str) -> String {
    format!("model {model} is not available: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_catalogue_row_and_every_row_a_model() {
        for model in MODELS {
            assert_eq!(model.files().name.parse(), Ok(*model));
        }
        assert_eq!(catalog::ALL.len(), MODELS.len());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "clop".parse::<Model>().unwrap_err();
        assert_eq!(error.to_string(), "unknown model 'clop' (known: mtcnn)");
    }
}

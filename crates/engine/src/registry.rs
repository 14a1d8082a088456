//! The models in memory: which there are, how each gets there, and how far it is.

use std::path::PathBuf;
use std::sync::Arc;

use models::clip::{self, Clip};
use models::dinov2::{self, DinoV2};
use models::mtcnn::Mtcnn;
use models::{ImageEncoder, LoadError, Placement, Recipe};
use weights::catalog::{self, ModelFiles};
use weights::{Checkpoint, Silent, Store};

use crate::model::{Model, ModelInfo, Readiness};
use crate::operations::Encoder;
use crate::slot::{Glance, Slot};

/// A model in memory.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) model: T,
    /// Its weights say of themselves that nobody trained them.
    pub(crate) untrained: bool,
}

/// Any model that turns pixels into a vector.
pub(crate) type AnyEncoder = Loaded<Box<dyn ImageEncoder>>;

pub(crate) struct Registry {
    store: Store,
    placement: Placement,
    clip_variant: clip::Variant,
    mtcnn: Slot<Loaded<Mtcnn>>,
    clip: Slot<AnyEncoder>,
    dinov2: Slot<AnyEncoder>,
}

impl Registry {
    pub(crate) fn new(store: Store, placement: Placement, clip_variant: clip::Variant) -> Self {
        Self {
            store,
            placement,
            clip_variant,
            mtcnn: Slot::new(),
            clip: Slot::new(),
            dinov2: Slot::new(),
        }
    }

    /// How the encoder wants its pixels.
    pub(crate) fn recipe(&self, encoder: Encoder) -> Recipe {
        match encoder {
            Encoder::Clip => self.clip_variant.recipe(),
            Encoder::DinoV2 => dinov2::RECIPE,
        }
    }

    /// MTCNN if it is in memory already.
    pub(crate) fn mtcnn_if_ready(&self) -> Option<Arc<Loaded<Mtcnn>>> {
        self.mtcnn.ready()
    }

    /// MTCNN, read from disk if need be; never downloads. Blocks, so not for async threads. The error is for clients.
    pub(crate) fn mtcnn(&self) -> Result<Arc<Loaded<Mtcnn>>, String> {
        let loaded = self.mtcnn.get(|| self.load_mtcnn());
        loaded.map_err(|reason| unavailable(Model::Mtcnn, &reason))
    }

    /// The encoder if it is in memory already.
    pub(crate) fn encoder_if_ready(&self, encoder: Encoder) -> Option<Arc<AnyEncoder>> {
        self.encoder_slot(encoder).ready()
    }

    /// The encoder, as [`Registry::mtcnn`] gives MTCNN.
    pub(crate) fn encoder(&self, encoder: Encoder) -> Result<Arc<AnyEncoder>, String> {
        let slot = self.encoder_slot(encoder);
        let loaded = slot.get(|| self.load_encoder(encoder));
        loaded.map_err(|reason| unavailable(encoder.model(), &reason))
    }

    /// Brings a model into memory, downloading its files first where that is allowed. Blocks, possibly for minutes.
    pub(crate) fn preload(&self, model: Model) -> Result<(), String> {
        let fetch = || self.fetch(model);
        let encoder = |encoder| {
            let load = || self.load_encoder(encoder);
            let slot = self.encoder_slot(encoder);
            slot.fetch_and_get(fetch, load).map(drop)
        };
        match model {
            Model::Mtcnn => {
                let load = || self.load_mtcnn();
                self.mtcnn.fetch_and_get(fetch, load).map(drop)
            }
            Model::Clip => encoder(Encoder::Clip),
            Model::DinoV2 => encoder(Encoder::DinoV2),
        }
    }

    pub(crate) fn info(&self, model: Model) -> ModelInfo {
        let untrained = |slot: &Slot<AnyEncoder>| slot.ready().is_some_and(|it| it.untrained);
        let (title, dims, untrained, glance) = match model {
            Model::Mtcnn => {
                let untrained = self.mtcnn.ready().is_some_and(|it| it.untrained);
                ("MTCNN".to_owned(), None, untrained, self.mtcnn.glance())
            }
            Model::Clip => (
                format!("CLIP {}", self.clip_variant),
                Some(self.clip_variant.dims()),
                untrained(&self.clip),
                self.clip.glance(),
            ),
            Model::DinoV2 => (
                "DINOv2 ViT-B/14".to_owned(),
                Some(dinov2::DIMS),
                untrained(&self.dinov2),
                self.dinov2.glance(),
            ),
        };
        ModelInfo {
            title,
            dims,
            untrained,
            readiness: self.readiness(model, glance),
        }
    }

    fn readiness(&self, model: Model, glance: Glance) -> Readiness {
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

    /// Puts a stand-in where the encoder would be, as if it had been loaded.
    #[cfg(test)]
    pub(crate) fn put(&self, encoder: Encoder, stand_in: AnyEncoder) {
        let put = self.encoder_slot(encoder).get(|| Ok(stand_in));
        assert!(put.is_ok());
    }

    fn encoder_slot(&self, encoder: Encoder) -> &Slot<AnyEncoder> {
        match encoder {
            Encoder::Clip => &self.clip,
            Encoder::DinoV2 => &self.dinov2,
        }
    }

    fn load_mtcnn(&self) -> Result<Loaded<Mtcnn>, String> {
        let [pnet, rnet, onet] = self.open(Model::Mtcnn)?;
        let model = Mtcnn::load(
            pnet.path(),
            rnet.path(),
            onet.path(),
            &self.placement.device,
        );
        loaded(Model::Mtcnn, model, &[pnet, rnet, onet])
    }

    fn load_encoder(&self, encoder: Encoder) -> Result<AnyEncoder, String> {
        let [file] = self.open(encoder.model())?;
        let model: Result<Box<dyn ImageEncoder>, LoadError> = match encoder {
            Encoder::Clip => Clip::load(&file, self.clip_variant, &self.placement)
                .map(|model| Box::new(model) as Box<dyn ImageEncoder>),
            Encoder::DinoV2 => DinoV2::load(&file, &self.placement)
                .map(|model| Box::new(model) as Box<dyn ImageEncoder>),
        };
        loaded(encoder.model(), model, &[file])
    }

    /// The model's upstream files.
    fn files(&self, model: Model) -> &'static ModelFiles {
        let name = match model {
            Model::Mtcnn => "mtcnn",
            Model::Clip => self.clip_variant.catalogue_name(),
            Model::DinoV2 => dinov2::CATALOGUE_NAME,
        };
        catalog::find(name).expect("every model has a catalogue row; the tests check it")
    }

    fn locate(&self, model: Model) -> Result<Vec<PathBuf>, String> {
        let files = self.files(model).files.iter();
        files
            .map(|file| self.store.locate(file).map_err(|error| error.to_string()))
            .collect()
    }

    /// The model's files, opened; it must have `N` of them.
    fn open<const N: usize>(&self, model: Model) -> Result<[Checkpoint; N], String> {
        let paths = self.locate(model)?;
        let opened = paths
            .iter()
            .map(|path| Checkpoint::open(path).map_err(|error| error.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        opened.try_into().map_err(|files: Vec<_>| {
            let found = files.len();
            format!("the catalogue lists {found} files for {model}, not {N}")
        })
    }

    fn fetch(&self, model: Model) -> Result<(), String> {
        for file in self.files(model).files {
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

/// Says loudly if the weights are untrained.
fn loaded<T>(
    model: Model,
    read: Result<T, LoadError>,
    files: &[Checkpoint],
) -> Result<Loaded<T>, String> {
    let in_memory = read.map_err(|error| error.to_string())?;
    let untrained = files.iter().any(Checkpoint::untrained);
    if untrained {
        tracing::warn!(
            model = model.name(),
            "UNTRAINED WEIGHTS: this model's weights are seeded numbers, and its answers mean nothing"
        );
    }
    Ok(Loaded {
        model: in_memory,
        untrained,
    })
}

fn unavailable(model: Model, reason: &str) -> String {
    format!("model {model} is not available: {reason}")
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use models::Precision;
    use weights::StoreConfig;

    use super::*;
    use crate::model::MODELS;

    fn registry(clip_variant: clip::Variant) -> Registry {
        let mut config = StoreConfig::from_variables(|_| Some("/nonexistent".to_owned())).unwrap();
        config.offline = true;
        let placement = Placement::new(Device::Cpu, Precision::F32);
        Registry::new(Store::new(config), placement, clip_variant)
    }

    #[test]
    fn every_model_has_a_catalogue_row_and_every_row_a_model() {
        let mut rows = Vec::new();
        for variant in clip::Variant::ALL {
            let registry = registry(variant);
            rows.extend(MODELS.iter().map(|&model| registry.files(model).name));
        }
        for row in catalog::ALL {
            assert!(rows.contains(&row.name), "{} is no model's", row.name);
        }
    }

    #[test]
    fn what_is_known_of_a_model_follows_the_configured_variant() {
        for variant in clip::Variant::ALL {
            let info = registry(variant).info(Model::Clip);
            assert_eq!(info.title, format!("CLIP {variant}"));
            assert_eq!(info.dims, Some(variant.dims()));
            assert!(!info.untrained);
            let Readiness::Unavailable(reason) = info.readiness else {
                panic!("{:?}", info.readiness);
            };
            assert!(reason.contains(variant.catalogue_name()), "{reason}");
        }
    }
}

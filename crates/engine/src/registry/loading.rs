//! From upstream's files to a model in memory.

use std::path::PathBuf;

use models::blip::Blip;
use models::clip::Clip;
use models::dinov2::{self, DinoV2};
use models::faster_rcnn::{self, FasterRcnn};
use models::mtcnn::Mtcnn;
use models::{ImageCaptioner, ImageEncoder, LoadError};
use weights::catalog::{self, ModelFiles};
use weights::{Checkpoint, Silent};

use crate::model::{Detector, Encoder, Model};
use crate::object_detector::ObjectDetector;
use crate::registry::{AnyCaptioner, AnyDetector, AnyEncoder, Loaded, Registry};

impl Registry {
    pub(super) fn load_detector(&self, detector: Detector) -> Result<AnyDetector, String> {
        match detector {
            Detector::Mtcnn => {
                let files = self.open(Model::Mtcnn)?;
                let [pnet, rnet, onet] = files.each_ref().map(Checkpoint::path);
                let model = Mtcnn::load(pnet, rnet, onet, &self.placement.device);
                let model = model.map(|model| Box::new(model) as Box<dyn ObjectDetector>);
                loaded(Model::Mtcnn, model, &files)
            }
            Detector::FasterRcnn => {
                let [file] = self.open(Model::FasterRcnn)?;
                let model = FasterRcnn::load(&file, &self.placement);
                let model = model.map(|model| Box::new(model) as Box<dyn ObjectDetector>);
                loaded(Model::FasterRcnn, model, &[file])
            }
        }
    }

    pub(super) fn load_encoder(&self, encoder: Encoder) -> Result<AnyEncoder, String> {
        let sha256 = self.known_sha256(encoder);
        let [file] = self.open(encoder.model())?;
        let model: Result<Box<dyn ImageEncoder>, LoadError> = match encoder {
            Encoder::Clip => Clip::load(&file, self.variants.clip, &self.placement)
                .map(|model| Box::new(model) as Box<dyn ImageEncoder>),
            Encoder::DinoV2 => DinoV2::load(&file, &self.placement)
                .map(|model| Box::new(model) as Box<dyn ImageEncoder>),
        };
        let loaded = loaded(encoder.model(), model, &[file])?;
        Ok(Loaded { sha256, ..loaded })
    }

    pub(super) fn load_captioner(&self) -> Result<AnyCaptioner, String> {
        let paths = self.locate(Model::Blip)?;
        let [config, tokenizer, weights] = &paths[..] else {
            return Err(format!(
                "the catalogue lists {} files for blip, not 3",
                paths.len()
            ));
        };
        let file = Checkpoint::open(weights).map_err(|error| error.to_string())?;
        let model = Blip::load(config, tokenizer, &file, &self.placement);
        let model = model.map(|model| Box::new(model) as Box<dyn ImageCaptioner>);
        loaded(Model::Blip, model, &[file])
    }

    /// The model's upstream files.
    pub(super) fn files(&self, model: Model) -> &'static ModelFiles {
        let name = match model {
            Model::Mtcnn => "mtcnn",
            Model::FasterRcnn => faster_rcnn::CATALOGUE_NAME,
            Model::Clip => self.variants.clip.catalogue_name(),
            Model::DinoV2 => dinov2::CATALOGUE_NAME,
            Model::Blip => self.variants.blip.catalogue_name(),
        };
        catalog::find(name).expect("every model has a catalogue row; the tests check it")
    }

    pub(super) fn locate(&self, model: Model) -> Result<Vec<PathBuf>, String> {
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

    pub(super) fn fetch(&self, model: Model) -> Result<(), String> {
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
        sha256: None,
    })
}

//! The models in memory: which there are, how each gets there, and how far it is.

mod embedding_model;
mod loading;

use std::sync::Arc;

use models::{ImageCaptioner, ImageEncoder, Placement, Recipe, blip, clip, dinov2};
use weights::Store;

use crate::model::{Detector, Encoder, Model, Role};
use crate::object_detector::ObjectDetector;
use crate::readiness::{ModelInfo, Readiness};
use crate::slot::{Glance, Slot};

/// A model in memory.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) model: T,
    /// Its weights say of themselves that nobody trained them.
    pub(crate) untrained: bool,
    /// SHA-256 of the weights of a model that makes vectors, where it is known.
    pub(crate) sha256: Option<String>,
}

/// Any model that finds boxes.
pub(crate) type AnyDetector = Loaded<Box<dyn ObjectDetector>>;
/// Any model that turns pixels into a vector.
pub(crate) type AnyEncoder = Loaded<Box<dyn ImageEncoder>>;
/// Any model that describes an image in words.
pub(crate) type AnyCaptioner = Loaded<Box<dyn ImageCaptioner>>;

/// Which of several models answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variants {
    pub(crate) clip: clip::Variant,
    pub(crate) blip: blip::Variant,
}

pub(crate) struct Registry {
    store: Store,
    placement: Placement,
    variants: Variants,
    mtcnn: Slot<AnyDetector>,
    faster_rcnn: Slot<AnyDetector>,
    clip: Slot<AnyEncoder>,
    dinov2: Slot<AnyEncoder>,
    blip: Slot<AnyCaptioner>,
}

impl Registry {
    pub(crate) fn new(store: Store, placement: Placement, variants: Variants) -> Self {
        Self {
            store,
            placement,
            variants,
            mtcnn: Slot::new(),
            faster_rcnn: Slot::new(),
            clip: Slot::new(),
            dinov2: Slot::new(),
            blip: Slot::new(),
        }
    }

    /// How the encoder wants its pixels.
    pub(crate) fn recipe(&self, encoder: Encoder) -> Recipe {
        match encoder {
            Encoder::Clip => self.variants.clip.recipe(),
            Encoder::DinoV2 => dinov2::RECIPE,
        }
    }

    /// Length of the encoder's vectors.
    pub(crate) fn dims(&self, encoder: Encoder) -> usize {
        match encoder {
            Encoder::Clip => self.variants.clip.dims(),
            Encoder::DinoV2 => dinov2::DIMS,
        }
    }

    /// The detector if it is in memory already.
    pub(crate) fn detector_if_ready(&self, detector: Detector) -> Option<Arc<AnyDetector>> {
        self.detector_slot(detector).ready()
    }

    /// The detector, read from disk if need be; never downloads. Blocks, so not for async threads. The error is for
    /// clients.
    pub(crate) fn detector(&self, detector: Detector) -> Result<Arc<AnyDetector>, String> {
        let slot = self.detector_slot(detector);
        let loaded = slot.get(|| self.load_detector(detector));
        loaded.map_err(|reason| unavailable(detector.model(), &reason))
    }

    /// The encoder if it is in memory already.
    pub(crate) fn encoder_if_ready(&self, encoder: Encoder) -> Option<Arc<AnyEncoder>> {
        self.encoder_slot(encoder).ready()
    }

    /// The encoder, as [`Registry::detector`] gives a detector.
    pub(crate) fn encoder(&self, encoder: Encoder) -> Result<Arc<AnyEncoder>, String> {
        let slot = self.encoder_slot(encoder);
        let loaded = slot.get(|| self.load_encoder(encoder));
        loaded.map_err(|reason| unavailable(encoder.model(), &reason))
    }

    /// The captioner if it is in memory already.
    pub(crate) fn captioner_if_ready(&self) -> Option<Arc<AnyCaptioner>> {
        self.blip.ready()
    }

    /// The captioner, as [`Registry::detector`] gives a detector.
    pub(crate) fn captioner(&self) -> Result<Arc<AnyCaptioner>, String> {
        let loaded = self.blip.get(|| self.load_captioner());
        loaded.map_err(|reason| unavailable(Model::Blip, &reason))
    }

    /// Brings a model into memory, downloading its files first where that is allowed. Blocks, possibly for minutes.
    pub(crate) fn preload(&self, model: Model) -> Result<(), String> {
        let fetch = || self.fetch(model);
        match model.role() {
            Role::Detector(detector) => self
                .detector_slot(detector)
                .fetch_and_get(fetch, || self.load_detector(detector))
                .map(drop),
            Role::Encoder(encoder) => self
                .encoder_slot(encoder)
                .fetch_and_get(fetch, || self.load_encoder(encoder))
                .map(drop),
            Role::Captioner => self
                .blip
                .fetch_and_get(fetch, || self.load_captioner())
                .map(drop),
        }
    }

    pub(crate) fn info(&self, model: Model) -> ModelInfo {
        fn look<T>(slot: &Slot<Loaded<T>>) -> (bool, Glance) {
            (slot.ready().is_some_and(|it| it.untrained), slot.glance())
        }
        let (untrained, glance) = match model.role() {
            Role::Detector(detector) => look(self.detector_slot(detector)),
            Role::Encoder(encoder) => look(self.encoder_slot(encoder)),
            Role::Captioner => look(&self.blip),
        };
        let title = match model {
            Model::Mtcnn => "MTCNN".to_owned(),
            Model::FasterRcnn => "Faster R-CNN ResNet-50 FPN".to_owned(),
            Model::Clip => format!("CLIP {}", self.variants.clip),
            Model::DinoV2 => "DINOv2 ViT-B/14".to_owned(),
            Model::Blip => format!("BLIP {}", self.variants.blip),
        };
        let dims = match model.role() {
            Role::Encoder(encoder) => Some(self.dims(encoder)),
            Role::Detector(_) | Role::Captioner => None,
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

    /// Puts a stand-in where the detector would be, as if it had been loaded.
    #[cfg(test)]
    pub(crate) fn put_detector(&self, detector: Detector, stand_in: AnyDetector) {
        assert!(self.detector_slot(detector).get(|| Ok(stand_in)).is_ok());
    }

    /// Puts a stand-in where the encoder would be, as if it had been loaded.
    #[cfg(test)]
    pub(crate) fn put_encoder(&self, encoder: Encoder, stand_in: AnyEncoder) {
        assert!(self.encoder_slot(encoder).get(|| Ok(stand_in)).is_ok());
    }

    /// Puts a stand-in where the captioner would be, as if it had been loaded.
    #[cfg(test)]
    pub(crate) fn put_captioner(&self, stand_in: AnyCaptioner) {
        assert!(self.blip.get(|| Ok(stand_in)).is_ok());
    }

    fn detector_slot(&self, detector: Detector) -> &Slot<AnyDetector> {
        match detector {
            Detector::Mtcnn => &self.mtcnn,
            Detector::FasterRcnn => &self.faster_rcnn,
        }
    }

    fn encoder_slot(&self, encoder: Encoder) -> &Slot<AnyEncoder> {
        match encoder {
            Encoder::Clip => &self.clip,
            Encoder::DinoV2 => &self.dinov2,
        }
    }
}

fn unavailable(model: Model, reason: &str) -> String {
    format!("model {model} is not available: {reason}")
}

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use imaging::RgbImage;
use models::{CaptionOptions, Interrupt, Pixels, PromptError};

use crate::model::{Detector, Encoder, MODELS, Model, Role};
use crate::plan::Models;
use crate::registry::{AnyCaptioner, AnyDetector, AnyEncoder, Loaded};
use crate::result::Detection;

/// The models of one plan, or why each is missing; the plan needs no others.
#[derive(Default)]
pub(crate) struct InMemory {
    pub(crate) detectors: HashMap<Detector, Result<Arc<AnyDetector>, String>>,
    pub(crate) encoders: HashMap<Encoder, Result<Arc<AnyEncoder>, String>>,
    pub(crate) captioner: Option<Result<Arc<AnyCaptioner>, String>>,
}

impl InMemory {
    /// Those whose weights nobody trained.
    pub(crate) fn untrained(&self) -> Vec<Model> {
        fn is<K: Eq + Hash, T>(
            models: &HashMap<K, Result<Arc<Loaded<T>>, String>>,
            key: K,
        ) -> bool {
            matches!(models.get(&key), Some(Ok(loaded)) if loaded.untrained)
        }
        let untrained = |model: &Model| match model.role() {
            Role::Detector(detector) => is(&self.detectors, detector),
            Role::Encoder(encoder) => is(&self.encoders, encoder),
            Role::Captioner => matches!(&self.captioner, Some(Ok(loaded)) if loaded.untrained),
        };
        MODELS.iter().copied().filter(untrained).collect()
    }
}

/// The model, or why it is missing.
fn present<T>(entry: Option<&Result<Arc<Loaded<T>>, String>>, model: Model) -> Result<&T, String> {
    match entry {
        Some(Ok(loaded)) => Ok(&loaded.model),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("{model} was not loaded for this plan")),
    }
}

impl Models for InMemory {
    fn detect(&self, detector: Detector, image: &RgbImage) -> Result<Vec<Detection>, String> {
        let model = present(self.detectors.get(&detector), detector.model())?;
        let detected = model.detect(image);
        detected.map_err(|error| format!("{} detection failed: {error}", detector.finds()))
    }

    fn embed(&self, encoder: Encoder, pixels: &Pixels) -> Result<Vec<f32>, String> {
        let model = encoder.model();
        let vectors = present(self.encoders.get(&encoder), model)?
            .encode(&[pixels], Interrupt::NEVER)
            .map_err(|error| format!("{model} failed: {error}"))?;
        let mut vectors = vectors.into_iter();
        match (vectors.next(), vectors.next()) {
            (Some(vector), None) => Ok(vector),
            _ => Err(format!("{model} did not give one vector for one image")),
        }
    }

    fn describe(
        &self,
        images: &[&Pixels],
        captions: &[(usize, &CaptionOptions)],
    ) -> Result<Vec<Result<String, PromptError>>, String> {
        let model = Model::Blip;
        present(self.captioner.as_ref(), model)?
            .caption(images, captions, Interrupt::NEVER)
            .map_err(|error| format!("{model} failed: {error}"))
    }
}

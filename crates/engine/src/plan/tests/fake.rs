use std::collections::HashMap;
use std::sync::Mutex;

use imaging::RgbImage;
use models::{CaptionOptions, Pixels, PromptError};

use crate::model::{Detector, Encoder, Model};
use crate::plan::Models;
use crate::result::Detection;

/// Models that find what they are told to find, and count how often they were asked.
pub(super) struct Fake {
    pub(super) persons: Finds,
    pub(super) faces: Finds,
    pub(super) vector: fn(Encoder, &Pixels) -> Result<Vec<f32>, String>,
    pub(super) text: fn(&Pixels, &CaptionOptions) -> Result<String, PromptError>,
    pub(super) calls: Mutex<HashMap<Model, usize>>,
}

pub(super) type Finds = fn(&RgbImage) -> Result<Vec<Detection>, String>;

/// Two persons, two faces, the better one first, and vectors that tell what was looked at.
impl Default for Fake {
    fn default() -> Self {
        Self {
            persons: |_| Ok(vec![found(PERSON, 0.95), found([0.0, 0.0, 8.0, 10.0], 0.4)]),
            faces: |image| {
                let [right, bottom] = [image.width() as f32 - 0.1, image.height() as f32 - 0.01];
                Ok(vec![
                    found([1.99, -0.9, right, bottom], 0.9),
                    found([3.0, -0.9, right, bottom], 0.8),
                ])
            },
            vector: |encoder, pixels| {
                let tag = if encoder == Encoder::Clip { 1.0 } else { 2.0 };
                Ok(vec![
                    tag,
                    pixels.side() as f32,
                    pixels.values().iter().sum(),
                ])
            },
            text: |pixels, options| {
                let sum: f32 = pixels.values().iter().sum();
                Ok(format!(
                    "{sum} {} {}",
                    options.max_length, options.num_beams
                ))
            },
            calls: Mutex::default(),
        }
    }
}

/// The box of the default's better person.
pub(super) const PERSON: [f32; 4] = [1.9, 2.2, 6.9, 9.9];

impl Fake {
    /// The default, for an image without anybody.
    pub(super) fn nobody() -> Self {
        Self {
            persons: |_| Ok(Vec::new()),
            ..Self::default()
        }
    }

    pub(super) fn calls(&self, model: Model) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.get(&model).copied().unwrap_or_default()
    }

    fn count(&self, model: Model) {
        *self.calls.lock().unwrap().entry(model).or_default() += 1;
    }
}

impl Models for Fake {
    fn detect(&self, detector: Detector, image: &RgbImage) -> Result<Vec<Detection>, String> {
        self.count(detector.model());
        match detector {
            Detector::FasterRcnn => (self.persons)(image),
            Detector::Mtcnn => (self.faces)(image),
        }
    }

    fn embed(&self, encoder: Encoder, pixels: &Pixels) -> Result<Vec<f32>, String> {
        self.count(encoder.model());
        (self.vector)(encoder, pixels)
    }

    fn describe(
        &self,
        images: &[&Pixels],
        captions: &[(usize, &CaptionOptions)],
    ) -> Result<Vec<Result<String, PromptError>>, String> {
        self.count(Model::Blip);
        let captions = captions.iter();
        let texts = captions.map(|&(image, options)| (self.text)(images[image], options));
        Ok(texts.collect())
    }
}

pub(super) fn found(bbox: [f32; 4], score: f32) -> Detection {
    Detection {
        bbox,
        score,
        landmarks: None,
    }
}

//! Any model in memory, by what goes in and what comes out.

use std::fmt::Debug;
use std::sync::Arc;

use imaging::RgbImage;
use models::faster_rcnn::FasterRcnn;
use models::mtcnn::Mtcnn;
use models::{
    CaptionOptions, DetectError, ImageCaptioner, ImageEncoder, Interrupt, Pixels, PromptError,
};
use thiserror::Error;

use crate::model::Model;
use crate::result::Detection;

/// A model in memory.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) network: Network,
    /// Its weights say of themselves that nobody trained them.
    pub(crate) untrained: bool,
    /// SHA-256 of its first file, where it was known when that was read.
    pub(crate) sha256: Option<String>,
}

impl Loaded {
    pub(crate) fn new(network: Network, untrained: bool) -> Self {
        Self {
            network,
            untrained,
            sha256: None,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Network {
    Detector(Box<dyn ObjectDetector>),
    Encoder(Box<dyn ImageEncoder>),
    Captioner(Box<dyn ImageCaptioner>),
}

/// A model that finds boxes in an image, whatever is in them.
pub(crate) trait ObjectDetector: Send + Sync + Debug {
    /// All it finds, best first, in pixels of `image`.
    fn detect(
        &self,
        image: &RgbImage,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Detection>, DetectError>;
}

/// What a model is asked.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// Of a detector: what is in this image.
    Image(Arc<RgbImage>),
    /// Of an encoder: the vector of these pixels.
    Pixels(Arc<Pixels>),
    /// Of a captioner: a text about these pixels.
    Caption(Arc<Pixels>, CaptionOptions),
}

/// What a model answers.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    Detections(Vec<Detection>),
    Vector(Vec<f32>),
    Text(String),
}

/// Why a model gives no answer.
#[derive(Clone, Debug, Error)]
pub(crate) enum ModelError {
    #[error("model {0} is not available: {1}")]
    Unavailable(Model, String),
    /// The only trouble that is the asker's.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("{0} failed: {1}")]
    Failed(Model, String),
    #[error("internal error; the server's log has the cause")]
    Panicked,
}

impl Input {
    /// The work it is, in units of which one model takes about the same time for each: for a text the tokens that it may have,
    /// and a hundred for looking at the image.
    pub(crate) fn units(&self) -> u64 {
        match self {
            Self::Image(_) | Self::Pixels(_) => 1,
            Self::Caption(_, options) => caption_units(options),
        }
    }
}

pub(crate) fn caption_units(options: &CaptionOptions) -> u64 {
    100 + options.max_length as u64
}

impl ObjectDetector for Mtcnn {
    fn detect(
        &self,
        image: &RgbImage,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Detection>, DetectError> {
        let faces = Self::detect(self, image, interrupt)?.into_iter();
        let detections = faces.map(|face| Detection {
            bbox: face.bbox,
            score: face.score,
            landmarks: Some(face.landmarks),
        });
        Ok(detections.collect())
    }
}

impl ObjectDetector for FasterRcnn {
    fn detect(
        &self,
        image: &RgbImage,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Detection>, DetectError> {
        let persons = Self::detect(self, image, interrupt)?.into_iter();
        let detections = persons.map(|person| Detection {
            bbox: person.bbox,
            score: person.score,
            landmarks: None,
        });
        Ok(detections.collect())
    }
}

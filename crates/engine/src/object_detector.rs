use std::fmt::Debug;

use imaging::RgbImage;
use models::faster_rcnn::FasterRcnn;
use models::mtcnn::Mtcnn;
use models::{DetectError, Interrupt};

use crate::result::Detection;

/// A model that finds boxes in an image, whatever is in them.
pub(crate) trait ObjectDetector: Send + Sync + Debug {
    /// All it finds, best first, in pixels of `image`.
    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, DetectError>;
}

impl ObjectDetector for Mtcnn {
    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, DetectError> {
        let faces = Self::detect(self, image, Interrupt::NEVER)?.into_iter();
        let detections = faces.map(|face| Detection {
            bbox: face.bbox,
            score: face.score,
            landmarks: Some(face.landmarks),
        });
        Ok(detections.collect())
    }
}

impl ObjectDetector for FasterRcnn {
    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, DetectError> {
        let persons = Self::detect(self, image, Interrupt::NEVER)?.into_iter();
        let detections = persons.map(|person| Detection {
            bbox: person.bbox,
            score: person.score,
            landmarks: None,
        });
        Ok(detections.collect())
    }
}

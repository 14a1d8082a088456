use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use crate::embedding::Embedding;
use crate::memory_pool::MemoryShare;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The operation ran; `data` is its answer (none where there was nothing to find).
    Success,
    /// The task cannot apply: unknown operation or target, bad parameters, nothing to work on.
    Skipped,
    /// The operation should have worked and did not.
    Error,
}

/// One box found by a detector.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// `[xmin, ymin, xmax, ymax]` in pixels of the whole image, not truncated.
    pub bbox: [f32; 4],
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// Faces: `[x, y]` of the left eye, right eye, nose, left and right mouth corner (left as seen in the image).
    pub landmarks: Option<[[f32; 2]; 5]>,
}

/// An operation's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `[xmin, ymin, xmax, ymax]`, truncated towards zero.
    Bbox([i32; 4]),
    /// Every box asked for with `max_detections`, best first.
    Detections(Vec<Detection>),
    /// The image's vector.
    Embedding(Embedding),
    /// Whether the image belongs to a collection.
    Classification(Classification),
    /// The image's description.
    Text(String),
}

/// What a classifier says of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classification {
    /// It belongs to the collection rather than not.
    pub is_in_collection: bool,
    /// How likely that is, 0 to 1.
    pub probability: f64,
}

/// The part of the image that an operation worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CropImage {
    /// `[xmin, ymin, xmax, ymax]` in pixels of the whole image; may reach beyond it, and is black there.
    pub bbox: [i32; 4],
    /// Its pixels. All results about one crop share it.
    pub png_base64: Arc<PngBase64>,
}

/// A PNG in base64. It holds a share of the memory that there is for what is shown, until nobody has it any longer.
#[derive(Debug)]
pub struct PngBase64 {
    text: Box<str>,
    share: Mutex<Option<MemoryShare>>,
}

impl PngBase64 {
    pub(crate) fn new(text: String, share: Option<MemoryShare>) -> Self {
        Self {
            text: text.into(),
            share: Mutex::new(share),
        }
    }

    /// Gives its share back, as somebody else counts it from now on.
    pub(crate) fn give_back_share(&self) {
        let share = self.share.lock();
        drop(share.unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Deref for PngBase64 {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for PngBase64 {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned(), None)
    }
}

impl PartialEq for PngBase64 {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PngBase64 {}

/// What a task's `operation_id` maps to in the response.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationResult {
    /// How the task ended.
    pub status: Status,
    /// The answer, if there is one.
    pub data: Option<Data>,
    /// The crop that the answer is about; none if it is about the whole image, or there is no answer.
    pub crop: Option<CropImage>,
    /// Why the task was skipped or failed.
    pub error_message: Option<String>,
}

impl OperationResult {
    pub(crate) fn success(data: Option<Data>) -> Self {
        Self {
            status: Status::Success,
            data,
            crop: None,
            error_message: None,
        }
    }

    pub(crate) fn skipped(message: impl Into<String>) -> Self {
        Self {
            status: Status::Skipped,
            data: None,
            crop: None,
            error_message: Some(message.into()),
        }
    }

    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self {
            status: Status::Error,
            data: None,
            crop: None,
            error_message: Some(message.into()),
        }
    }
}

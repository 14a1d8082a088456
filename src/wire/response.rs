use engine::{Analysis, Data, Detection, OperationResult, Status};
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalyzeResponse {
    /// The URL that was analysed, or `uploaded:<filename>`.
    pub image_url: String,
    /// One result a task, by `operation_id`.
    pub results: IndexMap<String, OperationResultBody>,
}

/// The answer to one task.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationResultBody {
    /// How the task ended.
    pub status: StatusBody,
    /// The operation's answer; null if nothing was found or the task did not succeed.
    pub data: Option<DataBody>,
    /// `[xmin, ymin, xmax, ymax]` of the crop the operation worked on; null if it worked on the whole image.
    pub cropped_image_bbox: Option<[i32; 4]>,
    /// That crop as a PNG, in base64.
    pub cropped_image_base64: Option<String>,
    /// Why the task was skipped or failed.
    pub error_message: Option<String>,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusBody {
    /// It ran. Finding nothing is a success without data.
    Success,
    /// It cannot apply: unknown operation or target, bad parameters, nothing to work on.
    Skipped,
    /// It should have worked and did not.
    Error,
}

/// An operation's answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum DataBody {
    /// `[xmin, ymin, xmax, ymax]` in pixels.
    Bbox([i32; 4]),
    /// What `max_detections` asks for, best first.
    Detections(Vec<DetectionBody>),
}

/// One detected box.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetectionBody {
    /// `[xmin, ymin, xmax, ymax]` in pixels, not truncated.
    pub bbox: [f32; 4],
    /// Confidence, 0 to 1.
    pub score: f32,
    /// Faces only: `[x, y]` of the eyes, the nose and the corners of the mouth, left before right as seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landmarks: Option<[[f32; 2]; 5]>,
}

/// The body of every 4xx and 5xx answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What was wrong.
    #[schema(example = "Could not process image: not an image")]
    pub detail: String,
}

impl AnalyzeResponse {
    /// The response about the image called `image_url`.
    #[must_use]
    pub fn new(image_url: String, analysis: Analysis) -> Self {
        let results = analysis
            .results
            .into_iter()
            .map(|(id, result)| (id, result.into()));
        Self {
            image_url,
            results: results.collect(),
        }
    }
}

impl From<OperationResult> for OperationResultBody {
    fn from(result: OperationResult) -> Self {
        Self {
            status: match result.status {
                Status::Success => StatusBody::Success,
                Status::Skipped => StatusBody::Skipped,
                Status::Error => StatusBody::Error,
            },
            data: result.data.map(|data| match data {
                Data::Bbox(bbox) => DataBody::Bbox(bbox),
                Data::Detections(list) => {
                    DataBody::Detections(list.into_iter().map(Into::into).collect())
                }
            }),
            // No operation of this version works on a crop.
            cropped_image_bbox: None,
            cropped_image_base64: None,
            error_message: result.error_message,
        }
    }
}

impl From<Detection> for DetectionBody {
    fn from(detection: Detection) -> Self {
        Self {
            bbox: detection.bbox,
            score: detection.score,
            landmarks: detection.landmarks,
        }
    }
}

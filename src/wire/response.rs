use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::{
    Analysis, Classification, Data, Detection, Embedding, OperationResult, PngBase64, Status,
    VectorEncoding,
};
use indexmap::IndexMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::without_folders::without_folders;

/// The answer to a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "image_url": "uploaded:astronaut.jpg",
    "results": {
        "face": {
            "status": "success",
            "data": [180, 59, 268, 173],
            "cropped_image_bbox": null,
            "cropped_image_base64": null,
            "error_message": null
        },
        "vector of the face": {
            "status": "success",
            "data": [0.0123, -0.4567, 0.89],
            "cropped_image_bbox": [180, 59, 268, 173],
            "cropped_image_base64": "iVBORw0KGgo=",
            "error_message": null
        }
    }
}))]
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
    /// `[xmin, ymin, xmax, ymax]` of the crop the operation worked on; null if it worked on the whole image. It may
    /// reach beyond the image, and the crop is black there.
    pub cropped_image_bbox: Option<[i32; 4]>,
    /// That crop as a PNG, in base64.
    #[schema(value_type = Option<String>)]
    #[serde(serialize_with = "as_text")]
    pub cropped_image_base64: Option<Arc<PngBase64>>,
    /// Why the task was skipped or failed, or why its crop is left out.
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
    /// An image's vector.
    Vector(Vec<f32>),
    /// The same with `encoding` = `base64`: the base64 of its little-endian 32-bit floats.
    #[schema(examples("8IVJPJXU6b4K12M/"))]
    PackedVector(String),
    /// Whether the image belongs to a collection.
    Classification(ClassificationBody),
    /// An image's description.
    #[schema(examples("a woman in an orange suit"))]
    Text(String),
}

/// What a collection's classifier says of an image.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassificationBody {
    /// It belongs to the collection.
    pub is_in_collection: bool,
    /// The probability of that, 0 to 1.
    #[schema(example = 0.95)]
    pub probability: f64,
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
    /// The response about the image called `image_url`. Tasks' crops are left out from where they would come to more than
    /// `max_crop_bytes`: a few bytes of a request can ask for the same megabytes many times.
    #[must_use]
    pub fn new(image_url: String, analysis: Analysis, max_crop_bytes: usize) -> Self {
        let mut left = max_crop_bytes;
        let results = analysis.results.into_iter().map(|(id, result)| {
            let mut body = OperationResultBody::from(result);
            let bytes = body.cropped_image_base64.as_ref().map_or(0, |it| it.len());
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => body.leave_crop_out(max_crop_bytes),
            }
            (id, body)
        });
        Self {
            image_url,
            results: results.collect(),
        }
    }
}

impl OperationResultBody {
    fn leave_crop_out(&mut self, most: usize) {
        self.cropped_image_base64 = None;
        self.error_message = Some(format!(
            "the crop is left out: with it the answer's crops would have more than {most} bytes (see --max-crop-bytes)"
        ));
    }
}

#[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
fn as_text<S: Serializer>(crop: &Option<Arc<PngBase64>>, serializer: S) -> Result<S::Ok, S::Error> {
    crop.as_ref().map(|crop| &***crop).serialize(serializer)
}

impl From<OperationResult> for OperationResultBody {
    fn from(result: OperationResult) -> Self {
        Self {
            status: match result.status {
                Status::Success => StatusBody::Success,
                Status::Skipped => StatusBody::Skipped,
                Status::Error => StatusBody::Error,
            },
            data: result.data.map(Into::into),
            cropped_image_bbox: result.crop.as_ref().map(|crop| crop.bbox),
            cropped_image_base64: result.crop.map(|crop| crop.png_base64),
            error_message: match result.status {
                Status::Error => result.error_message.as_deref().map(without_folders),
                _ => result.error_message,
            },
        }
    }
}

impl From<Data> for DataBody {
    fn from(data: Data) -> Self {
        match data {
            Data::Text(text) => Self::Text(text),
            Data::Classification(judgement) => Self::Classification(judgement.into()),
            Data::Bbox(bbox) => Self::Bbox(bbox),
            Data::Detections(list) => Self::Detections(list.into_iter().map(Into::into).collect()),
            Data::Embedding(Embedding { values, encoding }) => match encoding {
                VectorEncoding::Float => Self::Vector(values),
                VectorEncoding::Base64 => {
                    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                    Self::PackedVector(BASE64_STANDARD.encode(bytes))
                }
            },
        }
    }
}

impl From<Classification> for ClassificationBody {
    fn from(judgement: Classification) -> Self {
        Self {
            is_in_collection: judgement.is_in_collection,
            probability: judgement.probability,
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

#[cfg(test)]
mod tests {
    use engine::CropImage;
    use serde_json::json;

    use super::*;

    fn body(encoding: VectorEncoding, crop: Option<CropImage>) -> serde_json::Value {
        let values = vec![0.1, -2.5, 16_777_216.0, 0.0];
        let result = OperationResult {
            status: Status::Success,
            data: Some(Data::Embedding(Embedding { values, encoding })),
            crop,
            error_message: None,
        };
        serde_json::to_value(OperationResultBody::from(result)).unwrap()
    }

    #[test]
    fn a_vector_is_a_list_with_the_shortest_digits_that_give_it_back() {
        let values = vec![0.1, -2.5e-8, 1.0 / 3.0];
        let list = serde_json::to_string(&DataBody::Vector(values)).unwrap();
        assert_eq!(list, "[0.1,-2.5e-8,0.33333334]");
    }

    /// Expected: Python's `base64.b64encode(struct.pack("<4f", 0.1, -2.5, 16777216.0, 0.0))`.
    #[test]
    fn a_packed_vector_is_the_base64_of_little_endian_floats() {
        let body = body(VectorEncoding::Base64, None);
        assert_eq!(body["data"], "zczMPQAAIMAAAIBLAAAAAA==");
        assert_eq!(body["cropped_image_bbox"], json!(null));
        assert_eq!(body["cropped_image_base64"], json!(null));
    }

    #[test]
    fn a_crop_has_its_box_and_its_picture() {
        let crop = CropImage {
            bbox: [-1, 2, 30, 40],
            png_base64: Arc::new("iVBORw0KGgo=".into()),
        };
        let body = body(VectorEncoding::Float, Some(crop));
        assert_eq!(body["cropped_image_bbox"], json!([-1, 2, 30, 40]));
        assert_eq!(body["cropped_image_base64"], "iVBORw0KGgo=");
        assert_eq!(body["data"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn crops_beyond_the_limit_are_left_out_and_the_answers_stay() {
        let png_base64 = Arc::new(PngBase64::from("x".repeat(40).as_str()));
        let result = OperationResult {
            status: Status::Success,
            data: Some(Data::Text("a cat".to_owned())),
            crop: Some(CropImage {
                bbox: [0, 0, 1, 1],
                png_base64,
            }),
            error_message: None,
        };
        let results = (0..4).map(|id| (id.to_string(), result.clone()));
        let analysis = Analysis {
            results: results.collect(),
            untrained: Vec::new(),
            ignored_orientation: None,
            timings: engine::Timings::default(),
        };
        let response = AnalyzeResponse::new("i".to_owned(), analysis, 100);
        let json = serde_json::to_value(response).unwrap();
        for (id, shown) in [("0", true), ("1", true), ("2", false), ("3", false)] {
            let result = &json["results"][id];
            assert_eq!(result["data"], "a cat");
            assert_eq!(result["cropped_image_bbox"], json!([0, 0, 1, 1]));
            assert_eq!(result["cropped_image_base64"].is_string(), shown, "{id}");
            assert_eq!(result["error_message"].is_null(), shown, "{id}");
        }
    }
}

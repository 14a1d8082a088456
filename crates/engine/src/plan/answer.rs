//! Reading a task's result off what the plan computed.

use crate::plan::build::Answer;
use crate::plan::run::{Failure, Outcome, Outputs, found, truncated};
use crate::plan::{Embed, Region};
use crate::result::{CropImage, Data, OperationResult};

impl Answer {
    /// The result of the task called `operation_id`.
    pub(crate) fn result(&self, operation_id: &str, outputs: &Outputs) -> OperationResult {
        let outcome = match self {
            Self::Skip(reason) => return OperationResult::skipped(reason),
            Self::Boxes {
                node,
                max_detections,
            } => found(&outputs.faces, node).map(|faces| {
                OperationResult::success(match max_detections {
                    Some(limit) => Some(Data::Detections(
                        faces.iter().take(limit.get()).cloned().collect(),
                    )),
                    None => faces.first().map(|best| Data::Bbox(truncated(best.bbox))),
                })
            }),
            Self::Vector { node, options } => found(&outputs.embeddings, node).and_then(|values| {
                let data = Data::Embedding(options.apply(values));
                Ok(OperationResult {
                    crop: crop_image(node, outputs)?,
                    ..OperationResult::success(Some(data))
                })
            }),
        };
        outcome.unwrap_or_else(|failure| failure.result(operation_id))
    }
}

/// The crop that `node` looked at; none if it looked at the whole image.
fn crop_image(node: &Embed, outputs: &Outputs) -> Outcome<Option<CropImage>> {
    let Region::Crop(crop) = &node.pixels.region else {
        return Ok(None);
    };
    Ok(Some(CropImage {
        bbox: found(&outputs.crops, crop)?.bbox,
        png_base64: found(&outputs.pngs, crop)?.clone(),
    }))
}

impl Failure {
    fn result(self, operation_id: &str) -> OperationResult {
        match self {
            Self::NoFace => OperationResult::skipped(format!(
                "No prominent face found for operation '{operation_id}'."
            )),
            Self::Unusable(reason) => OperationResult::skipped(reason),
            Self::Broken(reason) => OperationResult::error(reason),
        }
    }
}

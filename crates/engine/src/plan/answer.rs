//! Reading a task's result off what the plan computed.

use crate::plan::build::Answer;
use crate::plan::outcome::{Failure, Outcome, found};
use crate::plan::run::Outputs;
use crate::plan::{Prepare, Region};
use crate::result::{CropImage, Data, OperationResult};

impl Answer {
    /// The result of the task called `operation_id`.
    pub(crate) fn result(&self, operation_id: &str, outputs: &Outputs<'_>) -> OperationResult {
        let outcome = match self {
            Self::Skip(reason) => Err(Failure::Unusable(reason.clone())),
            Self::Box { node } => outputs
                .regions
                .prominent(*node)
                .map(|bbox| OperationResult::success(bbox.map(Data::Bbox))),
            Self::Boxes {
                node,
                max_detections,
            } => outputs.regions.detections(*node).map(|all| {
                let most = all.iter().take(max_detections.get());
                OperationResult::success(Some(Data::Detections(most.cloned().collect())))
            }),
            Self::Vector { node, options } => found(&outputs.embeddings, node).and_then(|values| {
                let data = Data::Embedding(options.apply(values));
                Ok(OperationResult {
                    crop: crop_image(node.pixels, outputs)?,
                    ..OperationResult::success(Some(data))
                })
            }),
            Self::Text { node } => found(&outputs.descriptions, node).and_then(|text| {
                let data = Data::Text(text.clone());
                Ok(OperationResult {
                    crop: crop_image(node.pixels, outputs)?,
                    ..OperationResult::success(Some(data))
                })
            }),
        };
        outcome.unwrap_or_else(|failure| failure.result(operation_id))
    }
}

/// The crop that `pixels` are of; none if they are of the whole image.
fn crop_image(pixels: Prepare, outputs: &Outputs<'_>) -> Outcome<Option<CropImage>> {
    let Region::Crop(crop) = pixels.region else {
        return Ok(None);
    };
    Ok(Some(CropImage {
        bbox: outputs.regions.bbox(crop)?,
        png_base64: found(&outputs.pngs, &crop)?.clone(),
    }))
}

//! Reading a task's result off what the plan computed.

use crate::classifiers::Classifier;
use crate::plan::build::Answer;
use crate::plan::outcome::{Outcome, found};
use crate::plan::run::Outputs;
use crate::plan::{Embed, Prepare, Region};
use crate::result::{CropImage, Data, OperationResult};
use crate::timings::Timings;

impl Answer {
    /// The result of the task called `operation_id`.
    pub(crate) fn result(
        &self,
        operation_id: &str,
        outputs: &Outputs<'_>,
        timings: &mut Timings,
    ) -> OperationResult {
        let outcome = match self {
            Self::None(failure) => Err(failure.clone()),
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
            Self::Class { nodes, classifier } => class(nodes, classifier, outputs, timings),
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

fn class(
    nodes: &[Embed],
    classifier: &Classifier,
    outputs: &Outputs<'_>,
    timings: &mut Timings,
) -> Outcome<OperationResult> {
    let parts = nodes
        .iter()
        .map(|node| found(&outputs.embeddings, node).map(Vec::as_slice));
    let parts = parts.collect::<Outcome<Vec<_>>>()?;
    let judgement = timings.measure("classify", || classifier.judge(&parts.concat()))?;
    let crop = match nodes.first() {
        Some(node) => crop_image(node.pixels, outputs)?,
        None => None,
    };
    Ok(OperationResult {
        crop,
        ..OperationResult::success(Some(Data::Classification(judgement)))
    })
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

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use imaging::{Limits, RgbImage};
use indexmap::{IndexMap, IndexSet};
use models::{CaptionOptions, Pixels, PromptError};
use rayon::prelude::*;
use tracing::Span;

use crate::model::{Detector, Encoder, Model};
use crate::plan::build::{Nodes, Plan};
use crate::plan::outcome::{Failure, Outcome, found, guarded};
use crate::plan::regions::Regions;
use crate::plan::{Crop, Describe, Detect, Embed, Prepare, Region};
use crate::result::{Detection, OperationResult};
use crate::timings::Timings;

/// The models a plan runs on. An error is the text that the tasks waiting for it will carry.
pub(crate) trait Models: Sync {
    /// All that the detector finds, best first, in pixels of `image`.
    fn detect(&self, detector: Detector, image: &RgbImage) -> Result<Vec<Detection>, String>;
    /// The image's vector, not normalised.
    fn embed(&self, encoder: Encoder, pixels: &Pixels) -> Result<Vec<f32>, String>;
    /// A text for each of `captions`: the index of an image, and how it is to be described.
    fn describe(
        &self,
        images: &[&Pixels],
        captions: &[(usize, &CaptionOptions)],
    ) -> Result<Vec<Result<String, PromptError>>, String>;
}

/// What every node of a plan gave.
pub(crate) struct Outputs<'a> {
    pub(crate) regions: Regions<'a>,
    pub(crate) pngs: HashMap<Crop, Outcome<Arc<str>>>,
    pub(crate) embeddings: HashMap<Embed, Outcome<Vec<f32>>>,
    pub(crate) descriptions: HashMap<Describe, Outcome<String>>,
}

/// Computes every node once, then reads each task's result off the outputs.
///
/// A node that fails, or panics, costs only the tasks that need it.
pub(crate) fn run(
    plan: &Plan,
    image: &RgbImage,
    crop_limits: &Limits,
    models: &impl Models,
    timings: &mut Timings,
) -> IndexMap<String, OperationResult> {
    let mut regions = Regions::new(image, crop_limits);
    let without_person;
    let plan = if nobody_is_there(&plan.nodes, &mut regions, models, timings) {
        without_person = plan.without_person();
        &without_person
    } else {
        plan
    };
    let outputs = compute(&plan.nodes, regions, models, timings);
    plan.answers
        .iter()
        .map(|(id, answer)| (id.clone(), answer.result(id, &outputs, timings)))
        .collect()
}

/// Looks for persons if any task wants them. A detector that fails has not said that nobody is there.
fn nobody_is_there(
    nodes: &Nodes,
    regions: &mut Regions<'_>,
    models: &impl Models,
    timings: &mut Timings,
) -> bool {
    if !nodes.detections.contains(&Detect::Person) {
        return false;
    }
    regions.detect(Detect::Person, models, timings);
    regions
        .detections(Detect::Person)
        .is_ok_and(<[Detection]>::is_empty)
}

/// Models run one after the other, each on all threads; what runs on one thread runs beside something else.
fn compute<'a>(
    nodes: &Nodes,
    mut regions: Regions<'a>,
    models: &impl Models,
    timings: &mut Timings,
) -> Outputs<'a> {
    for &node in &nodes.detections {
        regions.detect(node, models, timings);
    }
    for &crop in &nodes.crops {
        regions.cut(crop, models, timings);
    }

    let span = Span::current();
    let mut png_timings = Timings::default();
    let encode_pngs = || {
        let _entered = span.enter();
        let encode = |&crop: &Crop| {
            let png = regions.pixels(Region::Crop(crop)).and_then(|image| {
                png_timings.measure("png", || guarded(crop, || png_base64(image)))
            });
            (crop, png)
        };
        nodes.pngs.iter().map(encode).collect()
    };
    let embed = || {
        let prepare = |node: &Prepare| {
            let _entered = span.enter();
            (*node, guarded(*node, || pixels(*node, &regions)))
        };
        let prepare_all = || nodes.pixels.par_iter().map(prepare).collect();
        let pixels: HashMap<_, _> = if nodes.pixels.is_empty() {
            HashMap::new()
        } else {
            timings.measure("prepare", prepare_all)
        };
        let embed = |&node: &Embed| {
            let vector = found(&pixels, &node.pixels).and_then(|pixels| {
                let stage = node.encoder.model().name();
                timings.measure(stage, || guarded(node, || vector(node, pixels, models)))
            });
            (node, vector)
        };
        let embeddings = nodes.embeddings.iter().map(embed).collect();
        let descriptions = descriptions(&nodes.descriptions, &pixels, models, timings);
        (embeddings, descriptions)
    };
    let ((embeddings, descriptions), pngs) = rayon::join(embed, encode_pngs);
    timings.extend(&png_timings);
    Outputs {
        regions,
        pngs,
        embeddings,
        descriptions,
    }
}

fn png_base64(image: &RgbImage) -> Outcome<Arc<str>> {
    let png = imaging::encode_png(image).map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(BASE64_STANDARD.encode(png).into())
}

fn pixels(node: Prepare, regions: &Regions<'_>) -> Outcome<Pixels> {
    let prepared = node.recipe.apply(regions.pixels(node.region)?);
    prepared.map_err(|error| Failure::Unusable(error.to_string()))
}

/// All descriptions together: a decoder reads its weights for each word, whatever the number of texts.
fn descriptions(
    nodes: &IndexSet<Describe>,
    pixels: &HashMap<Prepare, Outcome<Pixels>>,
    models: &impl Models,
    timings: &mut Timings,
) -> HashMap<Describe, Outcome<String>> {
    let mut images = IndexMap::new();
    let mut outcomes = HashMap::new();
    let mut captions = Vec::new();
    for node in nodes {
        match found(pixels, &node.pixels) {
            Ok(pixels) => {
                let (image, _) = images.insert_full(node.pixels, pixels);
                captions.push((image, node));
            }
            Err(failure) => {
                outcomes.insert(node.clone(), Err(failure));
            }
        }
    }
    if captions.is_empty() {
        return outcomes;
    }
    let images: Vec<_> = images.into_values().collect();
    let wanted: Vec<_> = captions
        .iter()
        .map(|(i, node)| (*i, &node.options))
        .collect();
    let describe = || {
        let texts = models.describe(&images, &wanted).map_err(Failure::Broken)?;
        if texts.len() == wanted.len() {
            return Ok(texts);
        }
        let (found, expected) = (texts.len(), wanted.len());
        Err(Failure::Broken(format!(
            "the model gave {found} texts for {expected}"
        )))
    };
    match timings.measure(Model::Blip.name(), || guarded("descriptions", describe)) {
        Ok(texts) => outcomes.extend(captions.into_iter().zip(texts).map(|((_, node), text)| {
            let text = text.map_err(|error| Failure::Unusable(error.to_string()));
            (node.clone(), text)
        })),
        Err(failure) => outcomes.extend(
            captions
                .into_iter()
                .map(|(_, node)| (node.clone(), Err(failure.clone()))),
        ),
    }
    outcomes
}

fn vector(node: Embed, pixels: &Pixels, models: &impl Models) -> Outcome<Vec<f32>> {
    let values = models
        .embed(node.encoder, pixels)
        .map_err(Failure::Broken)?;
    // JSON has no word for them, and nobody could search by such a vector.
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(Failure::Broken(format!(
            "the model gave a vector with {value} in it"
        )));
    }
    Ok(values)
}

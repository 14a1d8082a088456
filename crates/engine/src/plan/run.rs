use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use imaging::{CropError, Limits, RgbImage};
use indexmap::{IndexMap, IndexSet};
use models::Pixels;
use rayon::prelude::*;
use tracing::Span;

use crate::operations::Encoder;
use crate::panic_text;
use crate::plan::build::{Nodes, Plan};
use crate::plan::{Crop, DetectFace, Embed, FaceContext, Prepare, Region};
use crate::result::{Detection, OperationResult};
use crate::timings::Timings;

/// The models a plan runs on. An error is the text that the tasks waiting for it will carry.
pub(crate) trait Models: Sync {
    /// All faces, best first.
    fn faces(&self, image: &RgbImage) -> Result<Vec<Detection>, String>;
    /// The image's vector, not normalised.
    fn embed(&self, encoder: Encoder, pixels: &Pixels) -> Result<Vec<f32>, String>;
}

/// What a computation gave.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why a computation gave nothing; passed on to all that needed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no face to work on.
    NoFace,
    /// There is something, but not to be worked on.
    Unusable(String),
    /// It should have worked.
    Broken(String),
}

/// A crop and where it lay.
pub(crate) struct Cropped {
    pub(crate) bbox: [i32; 4],
    image: RgbImage,
}

/// What every node of a plan gave.
pub(crate) struct Outputs {
    pub(crate) faces: HashMap<DetectFace, Outcome<Vec<Detection>>>,
    pub(crate) crops: HashMap<Crop, Outcome<Cropped>>,
    pub(crate) pngs: HashMap<Crop, Outcome<Arc<str>>>,
    pub(crate) embeddings: HashMap<Embed, Outcome<Vec<f32>>>,
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
    let outputs = compute(&plan.nodes, image, crop_limits, models, timings);
    plan.answers
        .iter()
        .map(|(id, answer)| (id.clone(), answer.result(id, &outputs)))
        .collect()
}

/// Models run one after the other, each on all threads; what runs on one thread runs beside something else.
fn compute(
    nodes: &Nodes,
    image: &RgbImage,
    crop_limits: &Limits,
    models: &impl Models,
    timings: &mut Timings,
) -> Outputs {
    let span = Span::current();
    let faces = each(&nodes.faces, |node| {
        let FaceContext::WholeImage = node.context;
        let detect = || models.faces(image).map_err(Failure::Broken);
        timings.measure("detection", || guarded(node, detect))
    });
    let crops = each(&nodes.crops, |node| {
        let cut = || cut_out(node, image, &faces, crop_limits);
        timings.measure("crop", || guarded(node, cut))
    });
    let pixels_of = |region| match region {
        Region::WholeImage => Ok(image),
        Region::Crop(crop) => found(&crops, &crop).map(|cropped| &cropped.image),
    };

    let mut png_timings = Timings::default();
    let encode_pngs = || {
        let _entered = span.enter();
        each(&nodes.pngs, |node| {
            let encode = || png_base64(found(&crops, &node).map(|cropped| &cropped.image)?);
            png_timings.measure("png", || guarded(node, encode))
        })
    };
    let embed = || {
        let prepare = |node: &Prepare| {
            let _entered = span.enter();
            let prepare = || {
                let prepared = node.recipe.apply(pixels_of(node.region)?);
                prepared.map_err(|error| Failure::Unusable(error.to_string()))
            };
            (*node, guarded(*node, prepare))
        };
        let prepare_all = || nodes.pixels.par_iter().map(prepare).collect();
        let pixels: HashMap<_, _> = if nodes.pixels.is_empty() {
            HashMap::new()
        } else {
            timings.measure("prepare", prepare_all)
        };
        each(&nodes.embeddings, |node| {
            let embed = || vector(node, found(&pixels, &node.pixels)?, models);
            let stage = node.encoder.model().name();
            timings.measure(stage, || guarded(node, embed))
        })
    };
    let (embeddings, pngs) = rayon::join(embed, encode_pngs);
    timings.extend(&png_timings);
    Outputs {
        faces,
        crops,
        pngs,
        embeddings,
    }
}

fn each<K: Copy + Eq + Hash, T>(
    keys: &IndexSet<K>,
    mut compute: impl FnMut(K) -> Outcome<T>,
) -> HashMap<K, Outcome<T>> {
    keys.iter().map(|&key| (key, compute(key))).collect()
}

/// What `key` gave, or why it gave nothing. A plan holds all that its nodes need.
pub(crate) fn found<'a, K: Eq + Hash + Debug, T>(
    outcomes: &'a HashMap<K, Outcome<T>>,
    key: &K,
) -> Outcome<&'a T> {
    match outcomes.get(key) {
        Some(outcome) => outcome.as_ref().map_err(Failure::clone),
        None => Err(Failure::Broken(format!("{key:?} is not in the plan"))),
    }
}

/// A panic is a failure of the one computation.
fn guarded<T>(node: impl Debug, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let cause = panic_text(&*panic);
        tracing::error!(?node, cause, "a computation panicked");
        let message = "internal error; the server's log has the cause";
        Err(Failure::Broken(message.to_owned()))
    })
}

fn cut_out(
    crop: Crop,
    image: &RgbImage,
    faces: &HashMap<DetectFace, Outcome<Vec<Detection>>>,
    limits: &Limits,
) -> Outcome<Cropped> {
    let Crop::ProminentFace(face) = crop;
    let best = found(faces, &face)?.first().ok_or(Failure::NoFace)?;
    let bbox = truncated(best.bbox);
    match imaging::crop(image, bbox, limits) {
        Ok(image) => Ok(Cropped { bbox, image }),
        Err(CropError::Empty(bbox)) => Err(Failure::Unusable(format!(
            "the prominent face's box {bbox:?} holds no pixel"
        ))),
        Err(error) => Err(Failure::Broken(error.to_string())),
    }
}

fn png_base64(image: &RgbImage) -> Outcome<Arc<str>> {
    let png = imaging::encode_png(image).map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(BASE64_STANDARD.encode(png).into())
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

/// Towards zero, as Python's `int()` does.
pub(crate) fn truncated(bbox: [f32; 4]) -> [i32; 4] {
    bbox.map(|side| side as i32)
}

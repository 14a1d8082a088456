mod classifications;
mod crops;
mod descriptions;
mod detections;
mod fake;
mod persons;
mod sharing;

use std::sync::Arc;

use fake::Fake;
use imaging::{ExifOrientation, Limits, RgbImage};
use indexmap::IndexMap;
use models::logistic::LogisticRegression;
use serde_json::{Value, json};

use super::{Execution, Plan};
use crate::classifiers::{Classifier, Record, Unserved};
use crate::embedding::Embedding;
use crate::image_work::ImageWorks;
use crate::lineup::Lineup;
use crate::result::{CropImage, Data, OperationResult};
use crate::task::Task;

const CLIP: &str = "embed_clip_vit_b_32";
const DINOV2: &str = "embed_dino_v2";

fn task(operation_id: &str, operation: &str, params: Value) -> Task {
    Task {
        operation_id: operation_id.to_owned(),
        operation: operation.to_owned(),
        params: params.as_object().unwrap().clone(),
        refused: None,
    }
}

/// A task about the whole image.
fn whole(operation_id: &str, operation: &str) -> Task {
    task(operation_id, operation, json!({}))
}

/// A task about the prominent person.
fn person(operation_id: &str, operation: &str) -> Task {
    task(
        operation_id,
        operation,
        json!({ "target": "prominent_person" }),
    )
}

/// A task about the prominent face in the whole image.
fn face(operation_id: &str, operation: &str) -> Task {
    let params = json!({ "target": "prominent_face", "face_context": "whole_image" });
    task(operation_id, operation, params)
}

/// A task about the prominent face of the prominent person, which is the default.
fn face_of_person(operation_id: &str, operation: &str) -> Task {
    task(
        operation_id,
        operation,
        json!({ "target": "prominent_face" }),
    )
}

/// The same task with another parameter.
fn with(mut task: Task, name: &str, value: Value) -> Task {
    task.params.insert(name.to_owned(), value);
    task
}

fn detect(task: fn(&str, &str) -> Task, operation_id: &str) -> Task {
    task(operation_id, "detect_bounding_box")
}

fn plan(tasks: &[Task]) -> Plan {
    Plan::build(tasks, &Lineup::default(), classifier)
}

/// Numbers that bring sums of pixels near 0.
const SMALL: [f64; 6] = [0.5, -2e-3, 1e-6, -0.25, 1e-3, -2e-6];

/// The classifiers that there are: of sound ones several kinds, and of the others one each.
fn classifier(collection: u64) -> Result<Arc<Classifier>, Unserved> {
    let huge = [0.0, f64::MAX, 0.0, 0.0, -f64::MAX, 0.0];
    let (region, embeddings, coefficients) = match collection {
        1 => ("whole_image", CLIP, &SMALL[..3]),
        2 => (
            "prominent_face",
            "embed_clip_vit_b_32+embed_dino_v2",
            &SMALL[..],
        ),
        3 => (
            "prominent_face",
            "embed_dino_v2+embed_clip_vit_b_32",
            &SMALL[..],
        ),
        4 => ("prominent_person", CLIP, &SMALL[..3]),
        5 => ("", "", &SMALL[..3]),
        10 => ("whole_image", CLIP, &SMALL[..4]),
        11 => ("hand", CLIP, &SMALL[..3]),
        12 => ("whole_image", "embed_clip_vit_b_32+embed_sift", &SMALL[..]),
        13 => (
            "whole_image",
            "embed_clip_vit_b_32+embed_dino_v2",
            &huge[..],
        ),
        14 => {
            let reason = "its file is torn".to_owned();
            return Err(Unserved::Broken { collection, reason });
        }
        _ => return Err(Unserved::Unknown(collection)),
    };
    Ok(Arc::new(Classifier {
        collection,
        model: LogisticRegression::new(coefficients.to_vec(), 0.1).unwrap(),
        record: Record::new(region, embeddings, coefficients.len()),
    }))
}

/// 8 by 10 pixels, no two of them alike and none of them black.
fn image() -> RgbImage {
    RgbImage::from_raw(8, 10, (1..=240).collect()).unwrap()
}

fn answers(tasks: &[Task], models: &Fake) -> IndexMap<String, OperationResult> {
    timed_answers(tasks, models).0
}

/// The answers, and the stages that were timed besides those that every request has, by name.
fn timed_answers(
    tasks: &[Task],
    models: &Fake,
) -> (IndexMap<String, OperationResult>, Vec<&'static str>) {
    let (plan, machine) = (plan(tasks), models.machine());
    let png: bytes::Bytes = imaging::encode_png(&image()).unwrap().into();
    let opened = Arc::new(ImageWorks::new(0)).open(&png, ExifOrientation::Ignore);
    let execution = Execution::new(&machine, png, opened, Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let results = runtime.unwrap().block_on(execution.run(&plan)).unwrap();
    let timings = execution.into_timings();
    let stages = timings.iter().map(|(stage, _)| stage.name());
    let mut stages: Vec<_> = stages
        .filter(|it| !["decode", "queue"].contains(it))
        .collect();
    stages.sort_unstable();
    (results, stages)
}

/// The names of stages as [`timed_answers`] gives them; models by their role.
fn stages<const N: usize>(names: [&'static str; N]) -> Vec<&'static str> {
    let lineup = Lineup::default();
    let mut stages = names.map(|name| lineup.find(name).map_or(name, |model| model.name()));
    stages.sort_unstable();
    stages.to_vec()
}

fn vector(result: &OperationResult) -> &[f32] {
    match &result.data {
        Some(Data::Embedding(Embedding { values, .. })) => values,
        other => panic!("{other:?} is no vector: {:?}", result.error_message),
    }
}

/// The crop that a result shows: its box, and its pixels.
fn shown(result: &OperationResult) -> ([i32; 4], RgbImage) {
    use base64::Engine as _;
    let CropImage { bbox, png_base64 } = result.crop.as_ref().unwrap();
    let png = base64::prelude::BASE64_STANDARD.decode(png_base64.as_bytes());
    let pixels = imaging::decode(&png.unwrap(), &Limits::default(), ExifOrientation::Ignore);
    (*bbox, pixels.unwrap())
}

fn boxed(bbox: [i32; 4]) -> OperationResult {
    OperationResult::success(Some(Data::Bbox(bbox)))
}

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use imaging::{ExifOrientation, Limits, RgbImage};
use indexmap::IndexMap;
use models::{Pixels, Recipe, clip, dinov2};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Models, Plan, run};
use crate::embedding::{Embedding, VectorEncoding};
use crate::model::Model;
use crate::operations::Encoder;
use crate::result::{CropImage, Data, Detection, OperationResult, Status};
use crate::task::Task;
use crate::timings::Timings;

/// Two boxes, the better one first, vectors that tell what was looked at, and a count of how often each was asked for.
#[derive(Default)]
struct Fake {
    faces: AtomicUsize,
    clip: AtomicUsize,
    dinov2: AtomicUsize,
}

impl Models for Fake {
    fn faces(&self, _image: &RgbImage) -> Result<Vec<Detection>, String> {
        self.faces.fetch_add(1, Ordering::Relaxed);
        Ok(vec![face(1.99, 0.9), face(5.0, 0.8)])
    }

    fn embed(&self, encoder: Encoder, pixels: &Pixels) -> Result<Vec<f32>, String> {
        let calls = match encoder {
            Encoder::Clip => &self.clip,
            Encoder::DinoV2 => &self.dinov2,
        };
        calls.fetch_add(1, Ordering::Relaxed);
        let tag = if encoder == Encoder::Clip { 1.0 } else { 2.0 };
        let sum: f32 = pixels.values().iter().sum();
        Ok(vec![tag, pixels.side() as f32, sum])
    }
}

fn face(x: f32, score: f32) -> Detection {
    Detection {
        bbox: [x, -0.9, 7.9, 9.99],
        score,
        landmarks: None,
    }
}

/// Models of which something is out of order.
struct Failing {
    faces: fn() -> Result<Vec<Detection>, String>,
    vector: fn() -> Result<Vec<f32>, String>,
}

impl Models for Failing {
    fn faces(&self, _image: &RgbImage) -> Result<Vec<Detection>, String> {
        (self.faces)()
    }

    fn embed(&self, _encoder: Encoder, _pixels: &Pixels) -> Result<Vec<f32>, String> {
        (self.vector)()
    }
}

fn task(operation_id: &str, operation: &str, params: Value) -> Task {
    Task {
        operation_id: operation_id.to_owned(),
        operation: operation.to_owned(),
        params: params.as_object().unwrap().clone(),
    }
}

fn of_face(operation_id: &str, operation: &str, more: Value) -> Task {
    let params = json!({ "target": "prominent_face", "face_context": "whole_image" });
    let mut task = task(operation_id, operation, params);
    task.params.extend(more.as_object().unwrap().clone());
    task
}

fn detect(operation_id: &str, more: Value) -> Task {
    of_face(operation_id, "detect_bounding_box", more)
}

fn clip_of_face(operation_id: &str) -> Task {
    of_face(operation_id, "embed_clip_vit_b_32", json!({}))
}

fn plan(tasks: &[Task]) -> Plan {
    Plan::build(tasks, |encoder| match encoder {
        Encoder::Clip => clip::Variant::VitB32.recipe(),
        Encoder::DinoV2 => dinov2::RECIPE,
    })
}

/// 8 by 10 pixels, no two of them alike and none of them black.
fn image() -> RgbImage {
    RgbImage::from_raw(8, 10, (1..=240).collect()).unwrap()
}

fn answers(tasks: &[Task], models: &impl Models) -> IndexMap<String, OperationResult> {
    let mut timings = Timings::default();
    run(
        &plan(tasks),
        &image(),
        &Limits::default(),
        models,
        &mut timings,
    )
}

fn vector(result: &OperationResult) -> &[f32] {
    match &result.data {
        Some(Data::Embedding(Embedding { values, .. })) => values,
        other => panic!("{other:?} is no vector: {:?}", result.error_message),
    }
}

#[test]
fn a_prominent_box_is_the_best_one_truncated_towards_zero() {
    let results = answers(&[detect("f", json!({}))], &Fake::default());
    assert_eq!(
        results["f"],
        OperationResult::success(Some(Data::Bbox([1, 0, 7, 9])))
    );
}

#[test]
fn nothing_found_is_a_success_without_data_but_nothing_to_embed() {
    let none = Failing {
        faces: || Ok(Vec::new()),
        vector: || panic!("there is nothing to embed"),
    };
    let tasks = [
        detect("best", json!({})),
        detect("all", json!({ "max_detections": 5 })),
        clip_of_face("it's"),
    ];
    let results = answers(&tasks, &none);
    assert_eq!(results["best"], OperationResult::success(None));
    assert_eq!(
        results["all"],
        OperationResult::success(Some(Data::Detections(Vec::new())))
    );
    assert_eq!(
        results["it's"],
        OperationResult::skipped("No prominent face found for operation 'it's'.")
    );
}

#[test]
fn a_failing_or_panicking_model_costs_only_the_tasks_that_need_it() {
    let tasks = [
        detect("box", json!({})),
        clip_of_face("face"),
        task("whole", "embed_dino_v2", json!({})),
        task("other", "no_such_operation", json!({})),
    ];
    let face: fn() -> _ = || Ok(vec![face(1.0, 0.9)]);
    let no_face: fn() -> _ = || Err("no detector".into());
    let vector: fn() -> _ = || Ok(vec![1.0]);
    let statuses = |faces, vector| {
        let results = answers(&tasks, &Failing { faces, vector });
        for result in results.values() {
            assert_eq!(
                result.error_message.is_some(),
                result.status != Status::Success
            );
            assert_eq!(result.data.is_some(), result.status == Status::Success);
        }
        results.values().map(|it| it.status).collect::<Vec<_>>()
    };
    use Status::{Error, Skipped, Success};
    assert_eq!(statuses(face, vector), [Success, Success, Success, Skipped]);
    for no_face in [no_face, || panic!("bug")] {
        assert_eq!(statuses(no_face, vector), [Error, Error, Success, Skipped]);
    }
    let no_vectors: [fn() -> _; 3] = [
        || Err("no encoder".into()),
        || panic!("bug"),
        || Ok(vec![0.0, f32::NAN]),
    ];
    for no_vector in no_vectors {
        assert_eq!(statuses(face, no_vector), [Success, Error, Error, Skipped]);
    }
}

#[test]
fn an_embedding_of_a_face_shows_the_crop_and_one_of_the_whole_image_none() {
    let tasks = [
        clip_of_face("face"),
        task("whole", "embed_clip_vit_b_32", json!({})),
    ];
    let results = answers(&tasks, &Fake::default());
    assert_eq!(results["whole"].crop, None);
    let CropImage { bbox, png_base64 } = results["face"].crop.as_ref().unwrap();
    assert_eq!(*bbox, [1, 0, 7, 9]);
    let png = BASE64_STANDARD.decode(png_base64.as_bytes()).unwrap();
    let shown = imaging::decode(&png, &Limits::default(), ExifOrientation::Ignore).unwrap();
    let crop = imaging::crop(&image(), *bbox, &Limits::default()).unwrap();
    assert_eq!(shown, crop);
    let looked_at = clip::Variant::VitB32.recipe().apply(&crop).unwrap();
    let expected = Fake::default().embed(Encoder::Clip, &looked_at).unwrap();
    assert_eq!(vector(&results["face"]), expected);
    assert_ne!(vector(&results["whole"]), expected);
}

#[test]
fn a_box_beyond_the_image_is_black_there() {
    let beyond = Failing {
        faces: || {
            Ok(vec![Detection {
                bbox: [-2.5, 8.0, 3.0, 12.9],
                ..face(0.0, 0.9)
            }])
        },
        vector: || Ok(vec![1.0]),
    };
    let results = answers(&[clip_of_face("f")], &beyond);
    let CropImage { bbox, png_base64 } = results["f"].crop.as_ref().unwrap();
    assert_eq!(*bbox, [-2, 8, 3, 12]);
    let png = BASE64_STANDARD.decode(png_base64.as_bytes()).unwrap();
    let shown = imaging::decode(&png, &Limits::default(), ExifOrientation::Ignore).unwrap();
    assert_eq!((shown.width(), shown.height()), (5, 4));
    assert_eq!(shown.row(0)[..6], [0; 6]);
    assert_eq!(shown.row(0)[6..], image().row(8)[..9]);
    assert_eq!(shown.row(2), [0; 15]);
}

#[test]
fn a_box_that_cannot_be_cut_out_is_told() {
    let degenerate: [(fn() -> _, Status, &str); 4] = [
        (
            || Ok(vec![boxed([3.0, 3.0, 3.9, 5.0])]),
            Status::Skipped,
            "the prominent face's box [3, 3, 3, 5] holds no pixel",
        ),
        (
            || Ok(vec![boxed([5.0, 3.0, 2.0, 5.0])]),
            Status::Skipped,
            "the prominent face's box [5, 3, 2, 5] holds no pixel",
        ),
        (
            || Ok(vec![boxed([f32::NAN, 0.0, 0.0, f32::NAN])]),
            Status::Skipped,
            "the prominent face's box [0, 0, 0, 0] holds no pixel",
        ),
        (
            || Ok(vec![boxed([f32::MIN, -1e9, f32::INFINITY, 1e9])]),
            Status::Error,
            "crop box [-2147483648, -1000000000, 2147483647, 1000000000] is too large",
        ),
    ];
    for (faces, status, said) in degenerate {
        let vector: fn() -> _ = || panic!("there is nothing to embed");
        let results = answers(&[clip_of_face("f")], &Failing { faces, vector });
        assert_eq!(results["f"].status, status);
        let message = results["f"].error_message.as_deref().unwrap();
        assert!(message.starts_with(said), "{message}");
        assert_eq!((&results["f"].data, &results["f"].crop), (&None, &None));
    }
}

fn boxed(bbox: [f32; 4]) -> Detection {
    Detection {
        bbox,
        ..face(0.0, 0.9)
    }
}

#[test]
fn the_same_thing_asked_for_in_many_ways_is_computed_once() {
    let mut tasks = Vec::new();
    for operation in ["embed_clip_vit_b_32", "embed_dino_v2"] {
        for (i, options) in [
            json!({}),
            json!({ "normalize": true }),
            json!({ "encoding": "base64" }),
        ]
        .into_iter()
        .enumerate()
        {
            let face = of_face(&format!("{operation}-face-{i}"), operation, options.clone());
            let whole = task(&format!("{operation}-whole-{i}"), operation, options);
            tasks.extend([
                face,
                whole,
                detect(&format!("{operation}-box-{i}"), json!({})),
            ]);
        }
    }
    let plan = plan(&tasks);
    assert_eq!(plan.nodes.faces.len(), 1);
    assert_eq!(plan.nodes.crops.len(), 1);
    assert_eq!(plan.nodes.pngs.len(), 1);
    assert_eq!(plan.nodes.pixels.len(), 4);
    assert_eq!(plan.nodes.embeddings.len(), 4);
    assert!(
        plan.models()
            .iter()
            .eq(&[Model::Mtcnn, Model::Clip, Model::DinoV2])
    );

    let models = Fake::default();
    let results = answers(&tasks, &models);
    assert_eq!(models.faces.into_inner(), 1);
    assert_eq!(
        (models.clip.into_inner(), models.dinov2.into_inner()),
        (2, 2)
    );

    let plain = vector(&results["embed_dino_v2-face-0"]);
    let unit = vector(&results["embed_dino_v2-face-1"]);
    let length = plain.iter().map(|x| x * x).sum::<f32>().sqrt();
    for (plain, unit) in plain.iter().zip(unit) {
        assert!((plain / length - unit).abs() < 1e-6);
    }
    assert_eq!(
        results["embed_dino_v2-face-2"].data,
        Some(Data::Embedding(Embedding {
            values: plain.to_vec(),
            encoding: VectorEncoding::Base64
        }))
    );
}

#[test]
fn one_resize_serves_every_encoder_of_the_same_recipe() {
    let tasks = [
        task("a", "embed_clip_vit_b_32", json!({})),
        task("b", "embed_dino_v2", json!({})),
    ];
    let same = |_| -> Recipe { dinov2::RECIPE };
    assert_eq!(Plan::build(&tasks, same).nodes.pixels.len(), 1);
    assert_eq!(plan(&tasks).nodes.pixels.len(), 2);
    assert!(plan(&tasks).nodes.crops.is_empty());
}

#[test]
fn stages_are_timed_only_if_they_ran() {
    let stages = |tasks: &[Task]| {
        let mut timings = Timings::default();
        run(
            &plan(tasks),
            &image(),
            &Limits::default(),
            &Fake::default(),
            &mut timings,
        );
        timings.iter().map(|(stage, _)| stage).collect::<Vec<_>>()
    };
    assert!(stages(&[]).is_empty());
    let whole = task("w", "embed_dino_v2", json!({}));
    assert_eq!(stages(&[whole]), ["prepare", "dinov2"]);
    assert_eq!(
        stages(&[clip_of_face("f")]),
        ["detection", "crop", "prepare", "clip", "png"]
    );
}

fn any_task() -> impl Strategy<Value = (String, Value)> {
    let operation = prop::sample::select(vec![
        "detect_bounding_box",
        "embed_clip_vit_b_32",
        "embed_dino_v2",
        "no_such_operation",
    ]);
    let target = prop::sample::select(vec![
        json!("prominent_face"),
        json!("whole_image"),
        json!("prominent_person"),
        json!("sky"),
        json!(3),
        json!(null),
    ]);
    let context = prop::sample::select(vec![
        json!("whole_image"),
        json!("prominent_person"),
        json!(null),
    ]);
    let most = prop::sample::select(vec![
        json!(null),
        json!(1),
        json!(2),
        json!(0),
        json!("two"),
    ]);
    let normalize = prop::sample::select(vec![json!(null), json!(true), json!(false), json!(1)]);
    let encoding = prop::sample::select(vec![json!(null), json!("base64"), json!("hex")]);
    (operation, target, context, most, normalize, encoding).prop_map(
        |(operation, target, context, most, normalize, encoding)| {
            let params = json!({
                "target": target,
                "face_context": context,
                "max_detections": most,
                "normalize": normalize,
                "encoding": encoding
            });
            (operation.to_owned(), params)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn results_do_not_depend_on_the_order_of_tasks(
        (tasks, shuffled) in prop::collection::vec(any_task(), 0..12)
            .prop_map(|tasks| {
                let named = tasks.into_iter().enumerate();
                named.map(|(i, (operation, params))| task(&format!("id{i}"), &operation, params)).collect::<Vec<_>>()
            })
            .prop_flat_map(|tasks| (Just(tasks.clone()), Just(tasks).prop_shuffle()))
    ) {
        let models = Fake::default();
        let results = answers(&tasks, &models);
        prop_assert!(models.faces.into_inner() <= 1, "equal nodes must be computed once");
        prop_assert!(models.clip.into_inner() <= 2, "of the whole image and of the face");
        prop_assert!(models.dinov2.into_inner() <= 2);
        let again = answers(&shuffled, &Fake::default());
        prop_assert!(again.keys().eq(shuffled.iter().map(|task| &task.operation_id)));
        for (operation_id, result) in &results {
            prop_assert_eq!(result, &again[operation_id]);
        }
        // Nor on which other tasks there are.
        for alone in &tasks {
            let result = answers(std::slice::from_ref(alone), &Fake::default());
            prop_assert_eq!(&result[&alone.operation_id], &results[&alone.operation_id]);
        }
    }
}

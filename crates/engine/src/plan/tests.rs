use std::cell::Cell;

use imaging::RgbImage;
use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Detectors, Plan, run};
use crate::result::{Data, Detection, OperationResult, Status};
use crate::task::Task;
use crate::timings::Timings;

/// Two boxes, the better one first, and a count of how often they were asked for.
#[derive(Default)]
struct TwoFaces(Cell<usize>);

impl Detectors for TwoFaces {
    fn faces(&self, _image: &RgbImage) -> Result<Vec<Detection>, String> {
        self.0.set(self.0.get() + 1);
        let face = |x, score| Detection {
            bbox: [x, -0.9, 7.9, 9.99],
            score,
            landmarks: None,
        };
        Ok(vec![face(1.99, 0.9), face(5.0, 0.8)])
    }
}

struct Failing(fn() -> Result<Vec<Detection>, String>);

impl Detectors for Failing {
    fn faces(&self, _image: &RgbImage) -> Result<Vec<Detection>, String> {
        (self.0)()
    }
}

fn task(operation_id: &str, operation: &str, params: Value) -> Task {
    Task {
        operation_id: operation_id.to_owned(),
        operation: operation.to_owned(),
        params: params.as_object().unwrap().clone(),
    }
}

fn face(operation_id: &str, more: Value) -> Task {
    let mut task = task(
        operation_id,
        "detect_bounding_box",
        json!({ "target": "prominent_face", "face_context": "whole_image" }),
    );
    task.params.extend(more.as_object().unwrap().clone());
    task
}

fn answers(tasks: &[Task], detectors: &impl Detectors) -> IndexMap<String, OperationResult> {
    let image = RgbImage::from_raw(1, 1, vec![0; 3]).unwrap();
    run(
        &Plan::build(tasks),
        &image,
        detectors,
        &mut Timings::default(),
    )
}

#[test]
fn a_prominent_box_is_the_best_one_truncated_towards_zero() {
    let results = answers(&[face("f", json!({}))], &TwoFaces::default());
    assert_eq!(
        results["f"],
        OperationResult::success(Some(Data::Bbox([1, 0, 7, 9])))
    );
}

#[test]
fn nothing_found_is_a_success_without_data() {
    let none = Failing(|| Ok(Vec::new()));
    let tasks = [
        face("best", json!({})),
        face("all", json!({ "max_detections": 5 })),
    ];
    let results = answers(&tasks, &none);
    assert_eq!(results["best"], OperationResult::success(None));
    assert_eq!(
        results["all"],
        OperationResult::success(Some(Data::Detections(Vec::new())))
    );
}

#[test]
fn a_failing_or_panicking_model_costs_only_the_tasks_that_need_it() {
    let tasks = [
        face("face", json!({})),
        task("other", "no_such_operation", json!({})),
    ];
    for detectors in [
        Failing(|| Err("out of order".into())),
        Failing(|| panic!("bug")),
    ] {
        let results = answers(&tasks, &detectors);
        assert_eq!(results["face"].status, Status::Error);
        assert!(results["face"].error_message.is_some());
        assert_eq!(results["other"].status, Status::Skipped);
    }
}

fn any_task() -> impl Strategy<Value = (String, Value)> {
    let operation = prop_oneof![3 => Just("detect_bounding_box"), 1 => Just("no_such_operation")];
    let target = prop::sample::select(vec![
        json!("prominent_face"),
        json!("prominent_person"),
        json!("sky"),
        json!(3),
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
    (operation, target, context, most).prop_map(|(operation, target, context, most)| {
        let params = json!({ "target": target, "face_context": context, "max_detections": most });
        (operation.to_owned(), params)
    })
}

proptest! {
    #[test]
    fn results_do_not_depend_on_the_order_of_tasks(
        (tasks, shuffled) in prop::collection::vec(any_task(), 0..12)
            .prop_map(|tasks| {
                let named = tasks.into_iter().enumerate();
                named.map(|(i, (operation, params))| task(&format!("id{i}"), &operation, params)).collect::<Vec<_>>()
            })
            .prop_flat_map(|tasks| (Just(tasks.clone()), Just(tasks).prop_shuffle()))
    ) {
        let detectors = TwoFaces::default();
        let results = answers(&tasks, &detectors);
        prop_assert!(detectors.0.get() <= 1, "equal nodes must be computed once");
        let again = answers(&shuffled, &TwoFaces::default());
        prop_assert!(again.keys().eq(shuffled.iter().map(|task| &task.operation_id)));
        for (operation_id, result) in &results {
            prop_assert_eq!(result, &again[operation_id]);
        }
        // Nor on which other tasks there are.
        for alone in &tasks {
            let result = answers(std::slice::from_ref(alone), &TwoFaces::default());
            prop_assert_eq!(&result[&alone.operation_id], &results[&alone.operation_id]);
        }
    }
}

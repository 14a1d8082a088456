use serde_json::json;

use super::fake::{Fake, Finds, NO_DETECTOR, NO_ENCODER, PERSON, found};
use super::{CLIP, DINOV2, answers, boxed, detect, face, face_of_person, person, whole, with};
use crate::result::{Data, OperationResult, Status};

#[test]
fn a_prominent_box_is_the_best_one_truncated_towards_zero() {
    let tasks = [
        detect(face, "face"),
        detect(person, "person"),
        detect(whole, "default"),
    ];
    let results = answers(&tasks, &Fake::default());
    assert_eq!(results["face"], boxed([1, 0, 7, 9]));
    assert_eq!(results["person"], boxed([1, 2, 6, 9]));
    assert_eq!(results["default"], results["person"]);
}

#[test]
fn a_list_has_the_best_boxes_as_they_were_found() {
    let list = |most: u32| with(detect(person, "list"), "max_detections", json!(most));
    for (most, expected) in [
        (1, vec![found(PERSON, 0.95)]),
        (
            9,
            vec![found(PERSON, 0.95), found([0.0, 0.0, 8.0, 10.0], 0.4)],
        ),
    ] {
        let results = answers(&[list(most)], &Fake::default());
        let expected = OperationResult::success(Some(Data::Detections(expected)));
        assert_eq!(results["list"], expected);
    }
}

#[test]
fn a_person_s_box_does_not_leave_the_image_and_a_face_s_may() {
    let beyond: Finds = |_| Ok(vec![found([-3.7, 1.9, 99.2, 10.5], 0.9)]);
    let models = Fake {
        persons: beyond,
        faces: beyond,
        ..Fake::default()
    };
    let results = answers(&[detect(person, "person"), detect(face, "face")], &models);
    assert_eq!(results["person"], boxed([0, 1, 8, 10]));
    assert_eq!(results["face"], boxed([-3, 1, 99, 10]));
}

#[test]
fn nothing_found_is_a_success_without_data_but_no_face_is_nothing_to_embed() {
    let nothing = Fake {
        faces: |_| Ok(Vec::new()),
        vector: |_, _| panic!("there is nothing to embed"),
        ..Fake::nobody()
    };
    let list = |task| with(task, "max_detections", json!(5));
    let tasks = [
        detect(face, "face"),
        detect(face_of_person, "face of nobody"),
        detect(person, "person"),
        list(detect(face, "faces")),
        list(detect(person, "persons")),
        face("it's", CLIP),
        face_of_person("nobody's", DINOV2),
    ];
    let results = answers(&tasks, &nothing);
    for id in ["face", "face of nobody", "person"] {
        assert_eq!(results[id], OperationResult::success(None));
    }
    for id in ["faces", "persons"] {
        let empty = Some(Data::Detections(Vec::new()));
        assert_eq!(results[id], OperationResult::success(empty));
    }
    for id in ["it's", "nobody's"] {
        let said = format!("No prominent face found for operation '{id}'.");
        assert_eq!(results[id], OperationResult::skipped(said));
    }
}

#[test]
fn a_failing_or_panicking_model_costs_only_the_tasks_that_need_it() {
    use Status::{Error, Skipped, Success};
    let tasks = [
        detect(person, "person"),
        detect(face, "face"),
        detect(face_of_person, "person's face"),
        person("of person", CLIP),
        face("of face", CLIP),
        whole("of all", DINOV2),
        whole("other", "no_such_operation"),
    ];
    let statuses = |models: Fake| {
        let results = answers(&tasks, &models);
        for result in results.values() {
            let succeeded = result.status == Success;
            assert_eq!(result.error_message.is_none(), succeeded);
            assert_eq!(result.data.is_some(), succeeded);
        }
        results.values().map(|it| it.status).collect::<Vec<_>>()
    };
    let none = [
        Success, Success, Success, Success, Success, Success, Skipped,
    ];
    assert_eq!(statuses(Fake::default()), none);
    let broken: [Finds; 2] = [|_| Err(NO_DETECTOR), |_| panic!("bug")];
    for broken in broken {
        let no_person = Fake {
            persons: broken,
            ..Fake::default()
        };
        let expected = [Error, Success, Error, Error, Success, Success, Skipped];
        assert_eq!(statuses(no_person), expected);
        let no_face = Fake {
            faces: broken,
            ..Fake::default()
        };
        let expected = [Success, Error, Error, Success, Error, Success, Skipped];
        assert_eq!(statuses(no_face), expected);
    }
    for vector in [
        |_, _: &_| Err(NO_ENCODER),
        |_, _: &_| panic!("bug"),
        |_, _: &_| Ok(vec![0.0, f32::NAN]),
    ] as [fn(_, &_) -> _; 3]
    {
        let no_vector = Fake {
            vector,
            ..Fake::default()
        };
        let expected = [Success, Success, Success, Error, Error, Error, Skipped];
        assert_eq!(statuses(no_vector), expected);
    }
}

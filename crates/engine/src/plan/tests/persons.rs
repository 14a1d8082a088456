use serde_json::json;

use super::fake::{Fake, NO_DETECTOR, failed, found};
use super::{
    CLIP, DINOV2, answers, boxed, detect, face, face_of_person, person, shown, whole, with,
};
use crate::lineup::Role;
use crate::result::{Data, Detection, OperationResult, Status};

/// The person lies at (1, 2): [1.99, -0.9] in the crop is [2.99, 1.1] in the image. Truncated before it is moved, the
/// face would begin in row 2.
#[test]
fn a_face_of_the_person_is_moved_to_where_it_lies_in_the_image_before_it_is_truncated() {
    let models = Fake {
        faces: |image| {
            assert_eq!((image.width(), image.height()), (5, 7), "the person's crop");
            Ok(vec![Detection {
                bbox: [1.99, -0.9, 4.9, 6.5],
                score: 0.9,
                landmarks: Some([[0.5, 0.25]; 5]),
            }])
        },
        ..Fake::default()
    };
    let tasks = [
        detect(face_of_person, "box"),
        with(detect(face_of_person, "list"), "max_detections", json!(1)),
        face_of_person("vector", CLIP),
    ];
    let results = answers(&tasks, &models);
    assert_eq!(results["box"], boxed([2, 1, 5, 8]));
    let Some(Data::Detections(list)) = &results["list"].data else {
        panic!("{:?}", results["list"]);
    };
    assert_eq!(list[0].bbox, [1.99 + 1.0, -0.9 + 2.0, 4.9 + 1.0, 6.5 + 2.0]);
    assert_eq!(list[0].landmarks, Some([[1.5, 2.25]; 5]));
    assert_eq!(shown(&results["vector"]).0, [2, 1, 5, 8]);
}

#[test]
fn where_nobody_is_the_whole_image_stands_in_without_a_crop() {
    let tasks = [
        person("person", CLIP),
        whole("whole", CLIP),
        detect(face_of_person, "nobody's face"),
        detect(face, "face"),
        face_of_person("of nobody's face", DINOV2),
        face("of face", DINOV2),
        detect(person, "box"),
    ];
    let models = Fake::nobody();
    let results = answers(&tasks, &models);
    assert_eq!(results["person"].status, Status::Success);
    assert_eq!(results["person"].crop, None);
    assert_eq!(results["person"], results["whole"]);
    assert_eq!(results["nobody's face"], boxed([1, 0, 7, 9]));
    assert_eq!(results["face"], results["nobody's face"]);
    assert_eq!(results["of nobody's face"], results["of face"]);
    assert_eq!(results["box"], OperationResult::success(None));
    for role in [Role::Persons, Role::Faces, Role::Clip, Role::DinoV2] {
        assert_eq!(models.calls(role), 1, "{role:?}: the work is shared");
    }
}

/// Only an image without a person falls back: this person may have a face somewhere else.
#[test]
fn a_person_without_a_face_has_none_whoever_else_may() {
    let elsewhere = Fake {
        faces: |image| {
            let whole_image = image.width() == 8;
            Ok(whole_image
                .then(|| found([0.0, 0.0, 2.0, 2.0], 0.9))
                .into_iter()
                .collect())
        },
        ..Fake::default()
    };
    let tasks = [
        detect(face_of_person, "hers"),
        face_of_person("of hers", CLIP),
        detect(face, "anybody's"),
    ];
    let results = answers(&tasks, &elsewhere);
    assert_eq!(results["hers"], OperationResult::success(None));
    assert_eq!(
        results["of hers"],
        OperationResult::skipped("No prominent face found for operation 'of hers'.")
    );
    assert_eq!(results["anybody's"], boxed([0, 0, 2, 2]));
}

#[test]
fn a_person_too_thin_to_be_cut_out_is_told_and_not_taken_for_the_whole_image() {
    let thin = Fake {
        persons: |_| Ok(vec![found([3.1, 3.0, 3.9, 5.0], 0.9)]),
        vector: |_, _| panic!("there is nothing to embed"),
        ..Fake::default()
    };
    let tasks = [
        detect(person, "box"),
        person("vector", CLIP),
        detect(face_of_person, "face"),
        detect(face, "any face"),
    ];
    let results = answers(&tasks, &thin);
    let no_pixel = "the prominent person's box [3, 3, 3, 5] holds no pixel";
    let otherwise = "; with face_context 'whole_image' no person is needed";
    assert_eq!(results["box"], boxed([3, 3, 3, 5]));
    assert_eq!(results["vector"], OperationResult::skipped(no_pixel));
    assert_eq!(
        results["face"],
        OperationResult::skipped(format!("{no_pixel}{otherwise}"))
    );
    assert_eq!(results["any face"], boxed([1, 0, 7, 9]));
}

/// A task's meaning must not depend on which weights a server has.
#[test]
fn without_a_person_detector_nothing_falls_back_and_the_way_without_it_is_told() {
    let missing = Fake {
        persons: |_| Err(NO_DETECTOR),
        ..Fake::default()
    };
    let tasks = [
        detect(person, "box"),
        person("vector", CLIP),
        detect(face_of_person, "face"),
        face_of_person("of face", CLIP),
    ];
    let results = answers(&tasks, &missing);
    for id in ["box", "vector"] {
        let said = failed(Role::Persons, NO_DETECTOR);
        assert_eq!(results[id], OperationResult::error(said));
    }
    for id in ["face", "of face"] {
        let said = failed(Role::Persons, NO_DETECTOR)
            + "; with face_context 'whole_image' no person is needed";
        assert_eq!(results[id], OperationResult::error(said));
    }
    assert_eq!(missing.calls(Role::Faces), 0);
}

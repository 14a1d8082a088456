use std::sync::Arc;

use super::sharing::permutations;
use super::*;
use crate::lineup::Role;
use crate::plan::collections;
use crate::result::{Classification, Status};

/// A task for the classifier of a collection, of the region that it was trained on.
fn classify(operation_id: &str, collection: u64) -> Task {
    task(
        operation_id,
        "classify",
        json!({ "collection_id": collection }),
    )
}

fn judgement(result: &OperationResult) -> Classification {
    match result.data {
        Some(Data::Classification(judgement)) => judgement,
        ref other => panic!("{other:?} is no judgement: {:?}", result.error_message),
    }
}

/// What scikit-learn's formula makes of vectors that lie one behind the other.
fn expected(collection: u64, vectors: &[&[f32]]) -> Classification {
    let model = &classifier(collection).unwrap().model;
    let decision = model.decision(&vectors.concat());
    Classification {
        is_in_collection: decision > 0.0,
        probability: 1.0 / (1.0 + (-decision).exp()),
    }
}

#[test]
fn embeddings_are_shared_with_the_tasks_that_show_them_whatever_the_order() {
    let tasks = [
        whole("clip", CLIP),
        face_of_person("clip of face", CLIP),
        face_of_person("dino of face", DINOV2),
        classify("of image", 1),
        classify("of face", 2),
    ];
    let first = answers(&tasks, &Fake::default());
    for tasks in permutations(&tasks) {
        let models = Fake::default();
        let results = answers(&tasks, &models);
        assert_eq!(models.calls(Role::Clip), 2);
        assert_eq!(models.calls(Role::DinoV2), 1);
        assert_eq!(results, first, "as maps, without regard to order");
    }
    let of = |id: &str| vector(&first[id]);
    assert_eq!(judgement(&first["of image"]), expected(1, &[of("clip")]));
    let joined = [of("clip of face"), of("dino of face")];
    assert_eq!(judgement(&first["of face"]), expected(2, &joined));
    assert_eq!(first["of image"].crop, None);
    let png = |id: &str| &first[id].crop.as_ref().unwrap().png_base64;
    assert!(Arc::ptr_eq(png("of face"), png("clip of face")));
}

#[test]
fn alone_it_computes_what_it_needs_and_times_it() {
    let timed = |tasks: &[Task]| timed_answers(tasks, &Fake::default()).1;
    assert_eq!(
        timed(&[classify("c", 1)]),
        stages(["prepare", "clip", "classify"])
    );
    assert_eq!(
        timed(&[classify("c", 4)]),
        stages(["fasterrcnn", "crop", "prepare", "clip", "png", "classify"])
    );
    assert!(timed(&[classify("c", 99), classify("d", 11)]).is_empty());
    let lineup = Lineup::default();
    let work = plan(&[classify("c", 3)]).work(&lineup);
    let expected = [Role::Persons, Role::Faces, Role::DinoV2, Role::Clip];
    assert!(
        work.keys().eq(&expected.map(|role| lineup.model(role))),
        "{work:?}"
    );
}

#[test]
fn joined_vectors_lie_in_the_record_s_order() {
    let tasks = [
        classify("clip first", 2),
        classify("dino first", 3),
        face_of_person("clip", CLIP),
        face_of_person("dino", DINOV2),
    ];
    let results = answers(&tasks, &Fake::default());
    let [clip, dino] = ["clip", "dino"].map(|id| vector(&results[id]));
    let one = judgement(&results["clip first"]);
    let other = judgement(&results["dino first"]);
    assert_eq!(one, expected(2, &[clip, dino]));
    assert_eq!(other, expected(3, &[dino, clip]));
    assert_ne!(one, other);
}

#[test]
fn the_record_s_region_counts_only_where_the_task_names_none() {
    let tasks = [
        classify("trained on", 2),
        with(classify("image", 2), "target", json!("whole_image")),
        with(classify("person", 2), "target", json!("prominent_person")),
        with(
            classify("any face", 2),
            "face_context",
            json!("whole_image"),
        ),
        with(classify("null", 2), "target", json!(null)),
        classify("without a record's word", 5),
        whole("clip", CLIP),
        whole("dino", DINOV2),
    ];
    let results = answers(&tasks, &Fake::default());
    let crop = |id: &str| results[id].crop.as_ref().map(|crop| crop.bbox);
    assert_eq!(crop("trained on"), Some([2, 1, 5, 8]));
    assert_eq!(crop("image"), None);
    assert_eq!(crop("person"), Some([1, 2, 6, 9]));
    assert_eq!(crop("any face"), Some([1, 0, 7, 9]));
    assert_eq!(results["null"], results["trained on"]);
    let [clip, dino] = ["clip", "dino"].map(|id| vector(&results[id]));
    assert_eq!(judgement(&results["image"]), expected(2, &[clip, dino]));
    assert_eq!(crop("without a record's word"), None);
    let plain = judgement(&results["without a record's word"]);
    assert_eq!(plain, expected(5, &[clip]));
}

#[test]
fn where_nobody_is_the_whole_image_is_judged_and_without_a_face_nothing() {
    let models = Fake {
        faces: |_| Ok(Vec::new()),
        ..Fake::nobody()
    };
    let tasks = [
        classify("person", 4),
        with(classify("image", 4), "target", json!("whole_image")),
        whole("clip", CLIP),
        classify("face", 2),
    ];
    let results = answers(&tasks, &models);
    assert_eq!(results["person"], results["image"]);
    assert_eq!(results["person"].crop, None);
    let clip = vector(&results["clip"]);
    assert_eq!(judgement(&results["person"]), expected(4, &[clip]));
    assert_eq!(models.calls(Role::Clip), 1);
    assert_eq!(
        results["face"],
        OperationResult::skipped("No prominent face found for operation 'face'.")
    );
}

#[test]
fn what_cannot_be_judged_says_why_and_costs_the_others_nothing() {
    let tasks = [
        whole("clip", CLIP),
        whole("missing", "classify"),
        with(classify("text", 1), "collection_id", json!("one")),
        with(classify("sky", 1), "target", json!("sky")),
        classify("unknown", 99),
        classify("torn", 14),
        classify("narrow", 10),
        classify("hand", 11),
        classify("sift", 12),
        classify("huge", 13),
        with(
            classify("hand of image", 11),
            "target",
            json!("whole_image"),
        ),
    ];
    let results = answers(&tasks, &Fake::default());
    let broken = |collection, reason: &str| {
        let said = format!("the classifier of collection {collection} cannot be used: {reason}");
        OperationResult::error(said)
    };
    for (id, expected) in [
        (
            "missing",
            OperationResult::skipped("collection_id is required"),
        ),
        (
            "text",
            OperationResult::skipped("collection_id must be an integer of at least 0, not \"one\""),
        ),
        (
            "unknown",
            OperationResult::skipped("no classifier for collection 99"),
        ),
        ("torn", broken(14, "its file is torn")),
        (
            "narrow",
            broken(
                10,
                "it was trained on vectors of 4 numbers, and those of its embedding_type have 3 here",
            ),
        ),
        (
            "hand",
            broken(
                11,
                "its derivative_type 'hand' is none of whole_image, prominent_person, prominent_face",
            ),
        ),
        (
            "sift",
            broken(
                12,
                "its embedding_type has 'embed_sift', which is none of embed_clip_vit_b_32, embed_dino_v2",
            ),
        ),
        (
            "huge",
            broken(13, "its numbers are too large to be added up"),
        ),
    ] {
        assert_eq!(results[id], expected, "{id}");
    }
    assert_eq!(results["sky"].status, Status::Skipped);
    judgement(&results["hand of image"]);
    vector(&results["clip"]);
}

#[test]
fn what_keeps_an_embedding_from_being_made_keeps_its_judgement_too() {
    let tasks = [whole("clip", CLIP), classify("of image", 1)];
    let models = Fake {
        vector: |_, _| Err(fake::NO_ENCODER),
        ..Fake::default()
    };
    let results = answers(&tasks, &models);
    let said = fake::failed(Role::Clip, fake::NO_ENCODER);
    assert_eq!(results["clip"], OperationResult::error(said));
    assert_eq!(results["of image"], results["clip"]);
}

#[test]
fn a_collection_is_looked_up_once_and_only_for_tasks_that_can_ask_it() {
    let tasks = [
        classify("a", 7),
        classify("b", 7),
        classify("c", u64::MAX),
        whole("d", "classify"),
        with(classify("e", 0), "collection_id", json!(-1)),
        with(whole("f", CLIP), "collection_id", json!(5)),
    ];
    assert!(collections(&tasks).into_iter().eq([7, u64::MAX]));
}

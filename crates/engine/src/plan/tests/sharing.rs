use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fake::{Fake, Finds, NO_DETECTOR, found};
use super::{
    CLIP, DINOV2, Plan, answers, detect, face, face_of_person, person, plan, stages, task,
    timed_answers, vector, whole, with,
};
use crate::embedding::{Embedding, VectorEncoding};
use crate::lineup::{Lineup, Role};
use crate::operations::OPERATIONS;
use crate::result::Data;
use crate::task::Task;

#[test]
fn a_request_runs_each_detector_once_and_cuts_each_crop_once_whatever_the_order_of_its_tasks() {
    let tasks = [
        detect(person, "person"),
        detect(face_of_person, "face"),
        person("clip of person", CLIP),
        face_of_person("clip of face", CLIP),
        person("dino of person", DINOV2),
    ];
    let expected = answers(&tasks, &Fake::default());
    let orders = permutations(&tasks);
    assert_eq!(orders.len(), 120);
    for tasks in orders {
        let models = Fake::default();
        let results = answers(&tasks, &models);
        assert_eq!(models.calls(Role::Persons), 1);
        assert_eq!(models.calls(Role::Faces), 1);
        assert_eq!(models.calls(Role::Clip), 2);
        assert_eq!(models.calls(Role::DinoV2), 1);
        assert_eq!(results, expected, "as maps, without regard to order");
        let png = |id: &str| &results[id].crop.as_ref().unwrap().png_base64;
        assert!(Arc::ptr_eq(png("clip of person"), png("dino of person")));
    }
}

pub(super) fn permutations(tasks: &[Task]) -> Vec<Vec<Task>> {
    if tasks.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..tasks.len() {
        let mut rest = tasks.to_vec();
        let first = rest.remove(first);
        for mut order in permutations(&rest) {
            order.push(first.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn the_same_thing_asked_for_in_many_ways_is_computed_once() {
    let mut tasks = Vec::new();
    for operation in [CLIP, DINOV2] {
        for (wish, name, value) in [
            ("plain", "normalize", json!(null)),
            ("unit", "normalize", json!(true)),
            ("packed", "encoding", json!("base64")),
        ] {
            for (what, about) in [("face", face as fn(&str, &str) -> Task), ("whole", whole)] {
                let asked = about(&format!("{operation} {what} {wish}"), operation);
                tasks.push(with(asked, name, value.clone()));
                tasks.push(detect(face, &format!("{operation} {what} {wish} box")));
            }
        }
    }
    let lineup = Lineup::default();
    let work = plan(&tasks).work(&lineup);
    let expected = [(Role::Faces, 1), (Role::Clip, 2), (Role::DinoV2, 2)];
    let work = work.iter().map(|(model, work)| (*model, work.inputs));
    assert!(work.eq(expected.map(|(role, inputs)| (lineup.model(role), inputs))));

    let models = Fake::default();
    let results = answers(&tasks, &models);
    assert_eq!(models.calls(Role::Faces), 1);
    assert_eq!(models.calls(Role::Clip), 2);
    assert_eq!(models.calls(Role::DinoV2), 2);

    let plain = vector(&results["embed_dino_v2 face plain"]);
    let unit = vector(&results["embed_dino_v2 face unit"]);
    let length = plain.iter().map(|x| x * x).sum::<f32>().sqrt();
    for (plain, unit) in plain.iter().zip(unit) {
        assert!((plain / length - unit).abs() < 1e-6);
    }
    assert_eq!(
        results["embed_dino_v2 face packed"].data,
        Some(Data::Embedding(Embedding {
            values: plain.to_vec(),
            encoding: VectorEncoding::Base64
        }))
    );
}

#[test]
fn stages_are_timed_only_if_they_ran() {
    let timed = |tasks: &[Task]| timed_answers(tasks, &Fake::default()).1;
    assert!(timed(&[]).is_empty());
    assert_eq!(timed(&[whole("w", DINOV2)]), stages(["prepare", "dinov2"]));
    assert_eq!(timed(&[detect(person, "p")]), stages(["fasterrcnn"]));
    assert_eq!(
        timed(&[face("f", CLIP)]),
        stages(["mtcnn", "crop", "prepare", "clip", "png"])
    );
    assert_eq!(
        timed(&[detect(face_of_person, "f")]),
        stages(["fasterrcnn", "crop", "mtcnn"]),
        "a crop that nobody is shown needs no PNG"
    );
    let all = stages(["fasterrcnn", "mtcnn", "crop", "prepare", "clip", "png"]);
    assert_eq!(timed(&[detect(face, "f"), person("p", CLIP)]), all);
    let (_, of_nobody) = timed_answers(&[face_of_person("f", CLIP)], &Fake::nobody());
    assert_eq!(of_nobody, all);
    let failing = Fake {
        persons: |_| Err(NO_DETECTOR),
        ..Fake::default()
    };
    let (_, of_failing) = timed_answers(&[face_of_person("f", CLIP)], &failing);
    assert!(of_failing.is_empty(), "{of_failing:?}");
}

/// What is said of an operation must be what its tasks then need.
#[test]
fn an_operation_s_choices_take_the_models_that_its_tasks_load() {
    let lineup = Lineup::default();
    let models = |plan: &Plan| plan.work(&lineup).into_keys().collect::<Vec<_>>();
    let of = |roles: &[Role]| {
        roles
            .iter()
            .map(|role| lineup.model(*role))
            .collect::<Vec<_>>()
    };
    for operation in OPERATIONS {
        let choices = operation.choices();
        for choice in &choices {
            let params = json!({
                "target": choice.target.name(),
                "face_context": choice.face_context.map(|context| context.name()),
                "collection_id": 1
            });
            let plan = plan(&[task("x", operation.name, params)]);
            assert_eq!(models(&plan), of(&choice.roles), "{choice:?}");
        }
        let targets = choices.iter().map(|choice| choice.target);
        for &allowed in operation.allowed_targets {
            let first = choices.iter().find(|choice| choice.target == allowed);
            let params = json!({ "target": allowed.name(), "collection_id": 1 });
            let plan = plan(&[task("x", operation.name, params)]);
            assert_eq!(models(&plan), of(&first.unwrap().roles));
        }
        assert!(
            targets
                .clone()
                .all(|target| operation.allowed_targets.contains(&target))
        );
    }
}

fn any_task() -> impl Strategy<Value = (String, Value)> {
    let operation = prop::sample::select(vec![
        "detect_bounding_box",
        CLIP,
        DINOV2,
        "classify",
        "no_such_operation",
    ]);
    let target = prop::sample::select(vec![
        json!("prominent_face"),
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
        json!("sky"),
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
    let collection = prop::sample::select(vec![
        json!(1),
        json!(2),
        json!(4),
        json!(10),
        json!(null),
        json!("1"),
    ]);
    (
        operation, target, context, most, normalize, encoding, collection,
    )
        .prop_map(
            |(operation, target, context, most, normalize, encoding, collection)| {
                let params = json!({
                    "target": target,
                    "face_context": context,
                    "max_detections": most,
                    "normalize": normalize,
                    "encoding": encoding,
                    "collection_id": collection
                });
                (operation.to_owned(), params)
            },
        )
}

/// What there may be of persons: somebody, nobody, somebody too thin to be cut out, no detector.
const PERSONS: [Finds; 4] = [
    |_| Ok(vec![found([1.9, 2.2, 6.9, 9.9], 0.95)]),
    |_| Ok(Vec::new()),
    |_| Ok(vec![found([3.1, 3.0, 3.9, 5.0], 0.9)]),
    |_| Err(NO_DETECTOR),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn results_do_not_depend_on_the_order_of_tasks(
        persons in prop::sample::select(PERSONS.to_vec()),
        (tasks, shuffled) in prop::collection::vec(any_task(), 0..12)
            .prop_map(|tasks| {
                let named = tasks.into_iter().enumerate();
                named.map(|(i, (operation, params))| task(&format!("id{i}"), &operation, params)).collect::<Vec<_>>()
            })
            .prop_flat_map(|tasks| (Just(tasks.clone()), Just(tasks).prop_shuffle()))
    ) {
        let fake = || Fake { persons, ..Fake::default() };
        let models = fake();
        let results = answers(&tasks, &models);
        let nobody = persons(&super::image()).is_ok_and(|found| found.is_empty());
        let (contexts, regions) = if nobody { (1, 2) } else { (2, 4) };
        prop_assert!(models.calls(Role::Persons) <= 1, "equal nodes must be computed once");
        prop_assert!(models.calls(Role::Faces) <= contexts);
        prop_assert!(models.calls(Role::Clip) <= regions, "of the image, the person, and a face in either");
        prop_assert!(models.calls(Role::DinoV2) <= regions);
        let again = answers(&shuffled, &fake());
        prop_assert!(again.keys().eq(shuffled.iter().map(|task| &task.operation_id)));
        for (operation_id, result) in &results {
            prop_assert_eq!(result, &again[operation_id]);
        }
        // Nor on which other tasks there are.
        for alone in &tasks {
            let result = answers(std::slice::from_ref(alone), &fake());
            prop_assert_eq!(&result[&alone.operation_id], &results[&alone.operation_id]);
        }
    }
}

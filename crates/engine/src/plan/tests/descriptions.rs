use super::*;
use crate::lineup::Role;
use crate::result::Status;
use models::PromptError;

const DESCRIBE: &str = "describe_image";

fn text(result: &OperationResult) -> &str {
    match &result.data {
        Some(Data::Text(text)) => text,
        other => panic!("{other:?} is no text: {:?}", result.error_message),
    }
}

#[test]
fn equal_descriptions_of_a_request_are_written_once() {
    let fake = Fake::default();
    let tasks = [
        whole("a", DESCRIBE),
        person("b", DESCRIBE),
        face("c", DESCRIBE),
        with(whole("d", DESCRIBE), "max_length", json!(50)),
        with(whole("e", DESCRIBE), "max_length", json!(20)),
        whole("f", CLIP),
    ];
    let results = answers(&tasks, &fake);
    assert_eq!(fake.calls(Role::Captions), 4);
    assert_eq!(text(&results["a"]), text(&results["d"]));
    assert!(text(&results["a"]).ends_with(" 50 4"));
    assert!(text(&results["e"]).ends_with(" 20 4"));
    assert_ne!(text(&results["a"]), text(&results["b"]));
    assert_ne!(text(&results["b"]), text(&results["c"]));
    assert!(results["a"].crop.is_none());
    assert_eq!(shown(&results["b"]).0, [1, 2, 6, 9]);
    assert!(results["c"].crop.is_some());
}

#[test]
fn where_nobody_is_the_whole_image_is_described_once() {
    let fake = Fake::nobody();
    let results = answers(&[whole("a", DESCRIBE), person("b", DESCRIBE)], &fake);
    assert_eq!(text(&results["a"]), text(&results["b"]));
    assert!(results["b"].crop.is_none());
}

#[test]
fn a_description_fails_alone() {
    let fake = Fake {
        faces: |_| Ok(Vec::new()),
        text: |_, options| match &options.prompt {
            Some(_) => Err(PromptError::TooLong {
                tokens: 60,
                max_length: options.max_length,
            }),
            None => Ok("fine".to_owned()),
        },
        ..Fake::default()
    };
    let tasks = [
        whole("good", DESCRIBE),
        with(whole("long", DESCRIBE), "prompt", json!("a")),
        with(whole("bad", DESCRIBE), "num_beams", json!(0)),
        face("nobody", DESCRIBE),
    ];
    let results = answers(&tasks, &fake);
    assert_eq!(text(&results["good"]), "fine");
    for (id, said) in [
        (
            "long",
            "a prompt of 60 tokens leaves no room in a max_length of 50",
        ),
        ("bad", "num_beams must be an integer from 1 to 8, not 0"),
        ("nobody", "No prominent face found for operation 'nobody'."),
    ] {
        assert_eq!(results[id].status, Status::Skipped);
        assert_eq!(results[id].error_message.as_deref(), Some(said));
    }
}

#[test]
fn a_panic_of_the_captioner_is_an_error_of_its_tasks_alone() {
    let fake = Fake {
        text: |_, _| panic!("boom"),
        ..Fake::default()
    };
    let results = answers(&[whole("a", DESCRIBE), whole("b", CLIP)], &fake);
    assert_eq!(results["a"].status, Status::Error);
    assert_eq!(results["b"].status, Status::Success);
}

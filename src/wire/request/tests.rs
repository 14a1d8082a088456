use super::*;

const READING: Reading = Reading {
    max_tasks: 10,
    strict: false,
};

fn tasks(json: &str) -> Result<Request, RequestError> {
    parse_tasks(json.as_bytes(), READING)
}

fn refusal(json: &str) -> String {
    tasks(json).unwrap_err().to_string()
}

/// What is said of the keys of a task with these members.
fn ignored(members: &str) -> String {
    let json = format!(r#"[{{"operation_id":"a",{members}}}]"#);
    tasks(&json).unwrap().ignored.to_string()
}

#[test]
fn params_may_be_left_out_or_be_what_python_counts_as_false() {
    let list = tasks(r#"[{"operation_id":"a","type":"x"}]"#).unwrap().tasks;
    assert!(list.tasks()[0].params.is_empty());
    for params in ["null", "[]", "[ ]", "{}", "\"\"", "false", "0", "-0.0"] {
        let json = format!(r#"[{{"operation_id":"b","type":"embed_dino_v2","params":{params}}}]"#);
        let list = tasks(&json).expect(params).tasks;
        assert!(list.tasks()[0].params.is_empty(), "{params}");
    }
    for params in ["[[]]", "\" \"", "true", "1"] {
        let json = format!(r#"[{{"operation_id":"b","type":"embed_dino_v2","params":{params}}}]"#);
        assert!(tasks(&json).is_err(), "{params}");
    }
}

/// Expected: the Python service's keys.
#[test]
fn an_operation_id_that_is_no_string_is_taken_as_python_writes_it() {
    let id = |id: &str| tasks(&format!(r#"[{{"operation_id":{id},"type":"x"}}]"#));
    for (given, expected) in [
        ("7", "7"),
        ("-7", "-7"),
        ("18446744073709551616", "18446744073709551616"),
        ("1.5", "1.5"),
        ("1e22", "1e+22"),
        ("null", "null"),
        ("true", "true"),
        ("false", "false"),
        ("\"\"", ""),
    ] {
        let list = id(given).expect(given).tasks;
        assert_eq!(list.tasks()[0].operation_id, expected);
    }
    for other in ["[]", "{}"] {
        assert!(id(other).is_err(), "{other}");
    }
    let twice = r#"[{"operation_id":1,"type":"x"},{"operation_id":"1","type":"x"}]"#;
    assert_eq!(
        refusal(twice),
        "operation_id '1' is used by more than one task"
    );
}

#[test]
fn a_type_that_is_no_string_names_no_operation() {
    let task = |kind: &str| tasks(&format!(r#"[{{"operation_id":"a","type":{kind}}}]"#));
    for kind in ["null", "3", "1.5", "true", "\"\""] {
        let list = task(kind).expect(kind).tasks;
        assert_eq!(list.tasks()[0].operation, kind.trim_matches('"'));
        assert!(Operation::find(&list.tasks()[0].operation).is_none());
    }
    for other in ["[]", r#"{"a":1}"#] {
        assert!(task(other).is_err(), "{other}");
    }
}

#[test]
fn an_empty_object_and_an_empty_string_are_no_tasks_as_in_python() {
    for none in ["{}", " { } ", "\"\"", "[]"] {
        assert!(tasks(none).expect(none).tasks.tasks().is_empty());
        let json = format!(r#"{{"image_url":"x","tasks":{none}}}"#);
        let request = parse_request(json.as_bytes(), READING).expect(none);
        assert!(request.tasks.tasks().is_empty());
    }
    for other in ["null", "0", "false", "\" \"", r#"{"a":1}"#] {
        assert!(tasks(other).is_err(), "{other}");
    }
}

#[test]
fn a_refusal_names_the_place() {
    for (json, said) in [
        (
            r#"[{"operation_id":"a","type":"x"},{"operation_id":"b","type":[3]}]"#,
            "[1].type: must be a string, not a list",
        ),
        (r#"[{"type":"x"}]"#, "[0]: missing field `operation_id`"),
        (
            r#"{"operation_id":"a","type":"x"}"#,
            "must be a list, not an object",
        ),
        (
            r#"[{"operation_id":"a","type":"x","params":[1]}]"#,
            "[0].params: must be an object, not a list",
        ),
        (
            r#"[{"operation_id":{},"type":"x"}]"#,
            "[0].operation_id: must be a string, not an object",
        ),
        (r#"[["a","x"]]"#, "[0]: must be an object, not a list"),
        (r#"[NaN]"#, "[0]: must be an object, not \"NaN\""),
    ] {
        assert_eq!(refusal(json), said, "{json}");
    }
    let request = |json: &str| parse_request(json.as_bytes(), READING).unwrap_err();
    assert_eq!(request("[]").to_string(), "must be an object, not a list");
    assert_eq!(
        request(r#"{"image_url":"x","tasks":[{"operation_id":"a","type":"x","params":7}]}"#)
            .to_string(),
        "tasks[0].params: must be an object, not 7"
    );
    assert_eq!(
        request(r#"{"image_url":"x","tasks":[],"exif_orientation":"up"}"#).to_string(),
        "exif_orientation: must be \"apply\" or \"ignore\", not \"up\""
    );
}

#[test]
fn of_two_members_with_one_key_the_last_counts() {
    let json = br#"{"image_url":1,"tasks":{},"image_url":"a","image_url":"b","tasks":[
        {"type":3,"operation_id":"x","params":[],"type":"classify","params":{"collection_id":[],"collection_id":"7"}}]}"#;
    let request = parse_request(json, READING).unwrap();
    assert_eq!(request.image_url, "b");
    let [task] = request.tasks.tasks() else {
        panic!("{:?}", request.tasks);
    };
    assert_eq!(task.operation, "classify");
    assert_eq!(task.params["collection_id"], "7");
    let twice = br#"{"image_url":"a","image_url":1,"tasks":[]}"#;
    assert!(parse_request(twice, READING).is_err(), "the last is wrong");
}

#[test]
fn only_parameters_that_the_operation_reads_are_kept() {
    let json = r#"[{"operation_id":"a","type":"embed_dino_v2","params":{"target":[[[]]],"note":[1,2],"normalize":{"a":1}}}]"#;
    let request = tasks(json).unwrap();
    let params = &request.tasks.tasks()[0].params;
    assert_eq!(params.len(), 2);
    assert_eq!(params["target"], Value::Array(vec![]), "that it is a list");
    assert_eq!(request.ignored.to_string(), "[0].params.note");
}

#[test]
fn what_nobody_reads_is_told_with_what_it_may_mean() {
    for (members, said) in [
        (
            r#""type":"embed_dino_v2","params":{"normalise":true}"#,
            "[0].params.normalise (did you mean normalize?)",
        ),
        (
            r#""type":"embed_dino_v2","target":"prominent_face""#,
            "[0].target (did you mean params.target?)",
        ),
        (
            r#""type":"embed_dino_v2","param":{}"#,
            "[0].param (did you mean params?)",
        ),
        (r#""type":"nope","params":{"anything":1}"#, ""),
        (
            r#""type":"describe_image","params":{"normalize":true}"#,
            "[0].params.normalize",
        ),
        (
            r#""type":"embed_dino_v2","params":{"face_context":"whole_image"}"#,
            "[0].params.face_context (read with target prominent_face only)",
        ),
        (
            r#""type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}"#,
            "",
        ),
        (
            r#""type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"sky"}"#,
            "[0].params.face_context (not known: taken as whole_image)",
        ),
        (
            r#""type":"classify","params":{"collection_id":1,"face_context":"whole_image"}"#,
            "",
        ),
    ] {
        assert_eq!(ignored(members), said, "{members}");
    }
    let json = br#"{"image_url":"a","tasks":[],"exifOrientation":"apply","user":1}"#;
    let request = parse_request(json, READING).unwrap();
    assert_eq!(
        request.ignored.to_string(),
        "exifOrientation (did you mean exif_orientation?), user"
    );
}

#[test]
fn a_task_that_says_something_in_vain_is_refused_where_that_is_wanted() {
    let strict = Reading {
        strict: true,
        ..READING
    };
    let json = br#"[{"operation_id":"a","type":"embed_dino_v2","params":{"targt":"x"}},{"operation_id":"b","type":"embed_dino_v2"}]"#;
    let list = parse_tasks(json, strict).unwrap().tasks;
    let refused: Vec<_> = list.tasks().iter().map(|it| it.refused.clone()).collect();
    let said = "nobody reads [0].params.targt (did you mean target?)";
    assert_eq!(refused, [Some(said.to_owned()), None]);
    let list = tasks(std::str::from_utf8(json).unwrap()).unwrap().tasks;
    assert!(list.tasks().iter().all(|task| task.refused.is_none()));
}

#[test]
fn hostile_json_is_refused() {
    assert_eq!(
        refusal(&"[".repeat(100_000)),
        "the JSON is nested more than 1000 deep"
    );
    assert!(refusal("[] []").contains("trailing characters"));
    assert!(refusal("").contains("EOF"));
    assert_eq!(
        refusal(&" ".repeat(MAX_JSON_BYTES + 1)),
        "2097153 bytes of JSON are more than the 2097152 that are read"
    );
    let many = [r#"{"operation_id":"a","type":"x"}"#; 11].join(",");
    assert_eq!(
        refusal(&format!("[{many}]")),
        "11 tasks are more than the 10 that one request may have"
    );
    assert!(parse_tasks(b"[{\"operation_id\":\"\xff\"}]", READING).is_err());
}

#[test]
fn what_nobody_reads_may_be_deep_or_of_any_size() {
    let nested = format!("{}1e999{}", "[".repeat(900), "]".repeat(900));
    let json = format!(
        r#"[{{"operation_id":"a","type":"x","params":{{"p":{nested},"{}":NaN}}}}]"#,
        "k".repeat(100_000)
    );
    assert_eq!(tasks(&json).unwrap().tasks.tasks().len(), 1);
}

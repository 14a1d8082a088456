use std::fmt;
use std::marker::PhantomData;

use engine::{Params, Task, TaskList, TaskListError};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use utoipa::ToSchema;

/// The longest JSON taken from a client, in bytes: parsed JSON is many times larger in memory than on the wire.
pub const MAX_JSON_BYTES: usize = 2 << 20;

/// The body of `POST /analyze_image/`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AnalyzeRequest {
    /// An http or https URL of the image; fetched once.
    #[schema(example = "https://example.org/portrait.jpg")]
    pub image_url: String,
    /// What to find out about the image.
    #[serde(deserialize_with = "tasks")]
    #[schema(example = json!([
        {"operation_id": "clip", "type": "embed_clip_vit_b_32"},
        {
            "operation_id": "person",
            "type": "embed_dino_v2",
            "params": {"target": "prominent_person", "normalize": true}
        }
    ]))]
    pub tasks: Vec<TaskRequest>,
}

/// One task of a request.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TaskRequest {
    /// The key of this task's result in the response; no two tasks of a request may share it.
    #[schema(example = "face")]
    pub operation_id: String,
    /// The operation's name, as `/available_operations/` lists it.
    #[serde(rename = "type")]
    #[schema(example = "detect_bounding_box")]
    pub operation: String,
    /// The operation's parameters.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"target": "prominent_face", "face_context": "whole_image"}))]
    pub params: Option<Params>,
}

/// Why a client's JSON is not a request.
#[derive(Debug, Error)]
pub enum RequestError {
    /// Longer than [`MAX_JSON_BYTES`].
    #[error("{found} bytes of JSON are more than the {MAX_JSON_BYTES} that are read")]
    TooLong {
        /// Bytes in the request.
        found: usize,
    },
    /// Not JSON, or not of the right shape.
    #[error("{}{source}", at(.path))]
    Json {
        /// Where in the document, e.g. `tasks[1].type`; empty at its root.
        path: String,
        /// What was expected there.
        source: serde_json::Error,
    },
    /// The list of tasks breaks a rule of its own.
    #[error(transparent)]
    Tasks(#[from] TaskListError),
}

fn at(path: &str) -> String {
    // `?` stands for a place that the parser never got to.
    match path.trim_end_matches('?').trim_end_matches('.') {
        "" => String::new(),
        path => format!("{path}: "),
    }
}

/// Reads the body of `POST /analyze_image/`: the URL and the tasks.
///
/// # Errors
/// [`RequestError`], naming the place that is wrong.
pub fn parse_request(json: &[u8], max_tasks: usize) -> Result<(String, TaskList), RequestError> {
    let Object(request): Object<AnalyzeRequest> = parse(json)?;
    Ok((request.image_url, task_list(request.tasks, max_tasks)?))
}

/// Reads a list of tasks: the form field `tasks_json`, or the command line's `--tasks`.
///
/// # Errors
/// [`RequestError`], naming the place that is wrong.
pub fn parse_tasks(json: &[u8], max_tasks: usize) -> Result<TaskList, RequestError> {
    let Tasks(tasks) = parse(json)?;
    task_list(tasks, max_tasks)
}

fn task_list(tasks: Vec<TaskRequest>, max_tasks: usize) -> Result<TaskList, RequestError> {
    let tasks = tasks.into_iter().map(|task| Task {
        operation_id: task.operation_id,
        operation: task.operation,
        params: task.params.unwrap_or_default(),
    });
    Ok(TaskList::new(tasks.collect(), max_tasks)?)
}

/// A struct that only a JSON object makes: what serde derives would take a list of its fields' values too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct Tasks(Vec<TaskRequest>);

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tasks(deserializer).map(Self)
    }
}

fn tasks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TaskRequest>, D::Error> {
    let objects = Vec::<Object<TaskRequest>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(task)| task).collect())
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, RequestError> {
    if json.len() > MAX_JSON_BYTES {
        return Err(RequestError::TooLong { found: json.len() });
    }
    let mut document = serde_json::Deserializer::from_slice(json);
    let value =
        serde_path_to_error::deserialize(&mut document).map_err(|error| RequestError::Json {
            path: error.path().to_string(),
            source: error.into_inner(),
        })?;
    document.end().map_err(|source| RequestError::Json {
        path: String::new(),
        source,
    })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        parse_tasks(json.as_bytes(), 10).unwrap_err().to_string()
    }

    #[test]
    fn params_may_be_left_out_or_null() {
        let json =
            br#"[{"operation_id":"a","type":"x"},{"operation_id":"b","type":"y","params":null}]"#;
        let list = parse_tasks(json, 10).unwrap();
        assert!(list.tasks().iter().all(|task| task.params.is_empty()));
    }

    #[test]
    fn a_refusal_names_the_place() {
        let message = refusal(r#"[{"operation_id":"a","type":"x"},{"operation_id":"b","type":3}]"#);
        assert!(
            message.starts_with("[1].type: invalid type: integer `3`, expected a string"),
            "{message}"
        );
        let message = refusal(r#"[{"type":"x"}]"#);
        assert!(
            message.starts_with("[0]: missing field `operation_id`"),
            "{message}"
        );
        let message = refusal(r#"{"operation_id":"a","type":"x"}"#);
        assert!(
            message.starts_with("invalid type: map, expected a sequence"),
            "{message}"
        );
        let message = refusal(r#"[{"operation_id":"a","type":"x","params":[1]}]"#);
        assert!(message.starts_with("[0].params: "), "{message}");
        assert!(
            refusal(r#"[["a","x"]]"#)
                .starts_with("[0]: invalid type: sequence, expected an object")
        );
    }

    #[test]
    fn hostile_json_is_refused() {
        assert!(
            refusal(&"[".repeat(100_000))
                .starts_with("[0]: invalid type: sequence, expected an object")
        );
        assert!(refusal("[] []").contains("trailing characters"));
        assert!(refusal("").contains("EOF"));
        assert!(parse_tasks(b"[{\"operation_id\":\"\xff\"}]", 10).is_err());
        assert!(refusal(&" ".repeat(MAX_JSON_BYTES + 1)).starts_with("2097153 bytes of JSON"));
        let nested = format!(
            r#"[{{"operation_id":"a","type":"x","params":{{"p":{}1{}}}}}]"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        assert!(refusal(&nested).contains("recursion limit"));
    }
}

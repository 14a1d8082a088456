use std::borrow::Cow;

use engine::{Operation, Params, Task, TaskList, TaskListError};
use imaging::ExifOrientation;
use serde_json::Value;
use thiserror::Error;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::ignored::{self, Ignored};
use super::json::{self, JsonError, Raw};

/// The longest JSON taken from a client, in bytes: parsed JSON is many times larger in memory than on the wire.
pub const MAX_JSON_BYTES: usize = 2 << 20;

/// The body of `POST /analyze_image/`.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body to OpenAPI; it is read member by member"
)]
pub(crate) struct AnalyzeRequest {
    /// An http or https URL of the image; fetched once.
    #[schema(example = "https://example.org/portrait.jpg")]
    image_url: String,
    /// What to find out about the image.
    #[schema(example = json!([
        {"operation_id": "clip", "type": "embed_clip_vit_b_32"},
        {
            "operation_id": "person",
            "type": "embed_dino_v2",
            "params": {"target": "prominent_person", "normalize": true}
        }
    ]))]
    tasks: Vec<TaskRequest>,
    #[schema(required = false, schema_with = orientation)]
    exif_orientation: Option<String>,
}

/// The documentation of `exif_orientation`, in a body or a form.
pub(crate) const EXIF_ORIENTATION: &str = "Whether the picture is turned as its EXIF orientation says: `apply` or `ignore`. The default is \
    a setting of the server.";

/// What [`orientation_named`] takes.
fn orientation() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(["apply".into(), "ignore".into(), Value::Null]))
        .description(Some(EXIF_ORIENTATION))
        .examples(["apply"])
        .build()
}

/// One task of a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body to OpenAPI")]
pub(crate) struct TaskRequest {
    /// The key of this task's result in the response; no two tasks of a request may share it.
    #[schema(example = "face")]
    operation_id: String,
    /// The operation's name, as `/available_operations/` lists it.
    #[schema(rename = "type")]
    #[schema(example = "detect_bounding_box")]
    operation: String,
    /// The operation's parameters.
    #[schema(value_type = Option<Object>, example = json!({"target": "prominent_face", "face_context": "whole_image"}))]
    params: Option<Params>,
}

/// How a client's JSON is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Tasks that one request may have.
    pub max_tasks: usize,
    /// A task that says something in vain is skipped.
    pub strict: bool,
}

/// What a client asks.
#[derive(Debug)]
pub struct Request {
    /// Where the image is; empty where it comes with the request.
    pub image_url: String,
    /// What to find out.
    pub tasks: TaskList,
    /// What becomes of the image's EXIF orientation, if the client says so.
    pub exif_orientation: Option<ExifOrientation>,
    /// What nobody reads.
    pub ignored: Ignored,
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
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Something that must be there is not.
    #[error("{}missing field `{field}`", at(.place))]
    Missing {
        /// The object that lacks it, e.g. `tasks[1]`; empty for the document.
        place: String,
        /// Its key.
        field: &'static str,
    },
    /// Something is not what it must be.
    #[error("{}must be {expected}, not {found}", at(.place))]
    Unexpected {
        /// Where, e.g. `tasks[1].type`; empty for the document.
        place: String,
        /// What it must be.
        expected: &'static str,
        /// What it is, cut short.
        found: String,
    },
    /// The list of tasks breaks a rule of its own.
    #[error(transparent)]
    Tasks(#[from] TaskListError),
}

fn at(place: &str) -> String {
    match place {
        "" => String::new(),
        place => format!("{place}: "),
    }
}

/// Reads the body of `POST /analyze_image/`.
///
/// Of two members with one key the last counts, and members that nobody reads are passed over, as in Python.
///
/// # Errors
/// [`RequestError`], naming the place that is wrong.
pub fn parse_request(json: &[u8], reading: Reading) -> Result<Request, RequestError> {
    const KEYS: [&str; 3] = ["image_url", "tasks", "exif_orientation"];
    let text = text(json)?;
    let mut ignored = Ignored::default();
    let [image_url, tasks, exif_orientation] = object("", &text, KEYS, &mut ignored)?;
    let image_url = string("image_url", required("", "image_url", image_url)?)?;
    let tasks = required("", "tasks", tasks)?;
    let orientation = exif_orientation.map(json::value).unwrap_or_default();
    Ok(Request {
        image_url,
        tasks: task_list("tasks", tasks.get(), reading, &mut ignored)?,
        exif_orientation: orientation_named(&orientation)?,
        ignored,
    })
}

/// Reads a list of tasks: the form field `tasks_json`, or the command line's `--tasks`.
///
/// # Errors
/// [`RequestError`], naming the place that is wrong.
pub fn parse_tasks(json: &[u8], reading: Reading) -> Result<Request, RequestError> {
    let mut ignored = Ignored::default();
    Ok(Request {
        image_url: String::new(),
        tasks: task_list("", &text(json)?, reading, &mut ignored)?,
        exif_orientation: None,
        ignored,
    })
}

/// What becomes of an image's EXIF orientation, as a client names it; null leaves it to the server.
///
/// # Errors
/// [`RequestError`] if it is neither `apply` nor `ignore`.
pub fn orientation_named(value: &Value) -> Result<Option<ExifOrientation>, RequestError> {
    match value {
        Value::Null => Ok(None),
        Value::String(name) if name == "apply" => Ok(Some(ExifOrientation::Apply)),
        Value::String(name) if name == "ignore" => Ok(Some(ExifOrientation::Ignore)),
        other => Err(RequestError::Unexpected {
            place: "exif_orientation".to_owned(),
            expected: "\"apply\" or \"ignore\"",
            found: engine::excerpt(other),
        }),
    }
}

fn text(json: &[u8]) -> Result<Cow<'_, str>, RequestError> {
    if json.len() > MAX_JSON_BYTES {
        return Err(RequestError::TooLong { found: json.len() });
    }
    Ok(json::text(json)?)
}

fn task_list(
    place: &str,
    list: &str,
    reading: Reading,
    ignored: &mut Ignored,
) -> Result<TaskList, RequestError> {
    let (mut raw, mut found) = (Vec::new(), 0);
    let is_list = json::elements(list, |element| {
        found += 1;
        if found <= reading.max_tasks {
            raw.push(element);
        }
    });
    if is_list.is_none() && !has_no_elements(list) {
        return Err(unexpected(place, "a list", list));
    }
    TaskList::check_length(found, reading.max_tasks)?;
    let tasks = raw.into_iter().enumerate().map(|(index, raw)| {
        let place = format!("{place}[{index}]");
        task(&place, raw, reading.strict, ignored)
    });
    Ok(TaskList::new(
        tasks.collect::<Result<_, _>>()?,
        reading.max_tasks,
    )?)
}

fn task(
    place: &str,
    raw: Raw<'_>,
    strict: bool,
    ignored: &mut Ignored,
) -> Result<Task, RequestError> {
    const KEYS: [&str; 3] = ["operation_id", "type", "params"];
    let within = |key: &str| format!("{place}.{key}");
    let mut vain = Ignored::default();
    let (mut operation_id, mut operation, mut given) = (None, None, None);
    json::members(raw.get(), |key, value| match &key[..] {
        "operation_id" => operation_id = Some(value),
        "type" => operation = Some(value),
        "params" => given = Some(value),
        // Where a parameter stands beside `params`, that is what is wrong with it.
        key if ignored::is_param(key) => {
            vain.add(place, key, format_args!(" (did you mean params.{key}?)"));
        }
        key => vain.add_unknown(place, key, KEYS.into_iter()),
    })
    .ok_or_else(|| unexpected(place, "an object", raw.get()))?;
    let operation_id = required(place, "operation_id", operation_id)?;
    let operation_id = key(&within("operation_id"), operation_id)?;
    let operation = name(&within("type"), required(place, "type", operation)?)?;
    let params = match given.filter(|given| !is_nothing(given)) {
        Some(given) => params(&within("params"), given, &operation, &mut vain)?,
        None => Params::new(),
    };
    let refused = (strict && !vain.is_empty()).then(|| format!("nobody reads {vain}"));
    ignored.extend(vain);
    Ok(Task {
        operation_id,
        operation,
        params,
        refused,
    })
}

/// The parameters that the operation reads.
fn params(
    place: &str,
    raw: Raw<'_>,
    operation: &str,
    vain: &mut Ignored,
) -> Result<Params, RequestError> {
    let mut params = Params::new();
    let operation = Operation::find(operation);
    json::members(raw.get(), |key, raw| {
        // A task of an unknown type is skipped, whatever it says.
        let Some(operation) = operation else { return };
        if ignored::param_names(operation).any(|name| name == key) {
            params.insert(key.into_owned(), json::value(raw));
        } else {
            vain.add_unknown(place, &key, ignored::param_names(operation));
        }
    })
    .ok_or_else(|| unexpected(place, "an object", raw.get()))?;
    if let Some(operation) = operation {
        ignored::note_face_context(vain, place, operation, &params);
    }
    Ok(params)
}

/// The members of an object that have these keys.
fn object<'a, const N: usize>(
    place: &str,
    json: &'a str,
    keys: [&str; N],
    ignored: &mut Ignored,
) -> Result<[Option<Raw<'a>>; N], RequestError> {
    let mut values = [None; N];
    json::members(json, |key, value| {
        match keys.iter().position(|known| *known == key) {
            Some(at) => values[at] = Some(value),
            None => ignored.add_unknown(place, &key, keys.into_iter()),
        }
    })
    .ok_or_else(|| unexpected(place, "an object", json))?;
    Ok(values)
}

fn required<'a>(
    place: &str,
    field: &'static str,
    value: Option<Raw<'a>>,
) -> Result<Raw<'a>, RequestError> {
    value.ok_or_else(|| RequestError::Missing {
        place: place.to_owned(),
        field,
    })
}

fn string(place: &str, raw: Raw<'_>) -> Result<String, RequestError> {
    match json::value(raw) {
        Value::String(text) => Ok(text),
        _ => Err(unexpected(place, "a string", raw.get())),
    }
}

/// A key under which a result is given back. Python's `json` makes a string of whatever is neither a list nor an object there.
fn key(place: &str, raw: Raw<'_>) -> Result<String, RequestError> {
    match json::value(raw) {
        Value::Number(_) => Ok(json::number_as_key(raw)),
        _ => name(place, raw),
    }
}

/// A string; what else is no list and no object is itself as it is written: of no operation the name, and as good a key as any.
fn name(place: &str, raw: Raw<'_>) -> Result<String, RequestError> {
    match json::value(raw) {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(raw.get().to_owned()),
        _ => string(place, raw),
    }
}

/// Whether this is what Python passes through as through an empty list. PHP writes an empty list as `{}` if it takes it for a map.
fn has_no_elements(json: &str) -> bool {
    let mut members = 0;
    let is_object = json::members(json, |_, _| members += 1).is_some();
    (is_object && members == 0) || json.trim_ascii() == r#""""#
}

/// Whether the value is one that Python counts as false, which stands for no parameters there.
/// PHP writes an empty array of them as `[]`.
fn is_nothing(raw: Raw<'_>) -> bool {
    match json::value(raw) {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) => {
            let mut found = false;
            json::elements(raw.get(), |_| found = true).is_some_and(|()| !found)
        }
        Value::Object(_) => false,
    }
}

fn unexpected(place: &str, expected: &'static str, json: &str) -> RequestError {
    let json = json.trim_ascii();
    RequestError::Unexpected {
        place: place.to_owned(),
        expected,
        found: match json.as_bytes().first() {
            Some(b'[') => "a list".to_owned(),
            Some(b'{') => "an object".to_owned(),
            _ => engine::shortened(json).into_owned(),
        },
    }
}

#[cfg(test)]
mod tests;

//! Typed reading of a task's parameters. Every failure is a reason to skip the task, told to the client.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use serde_json::Value;

use crate::operations::{NO_PERSON_DETECTOR, Operation};
use crate::plan::Region;
use crate::task::Params;

/// Which object a task is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    ProminentFace,
}

/// `target`, checked against what the operation allows.
pub(crate) fn target(params: &Params, operation: &Operation) -> Result<Target, String> {
    let name = string(params, "target")?.unwrap_or(operation.default_target);
    if let Some(known) = operation
        .unavailable_targets
        .iter()
        .find(|known| known.target == name)
    {
        return Err(format!(
            "target '{name}' is not available: {}",
            known.reason
        ));
    }
    match name {
        "prominent_face" if operation.allowed_targets.contains(&name) => Ok(Target::ProminentFace),
        _ => Err(format!(
            "target '{}' is not one of {}'s targets ({})",
            shortened(name),
            operation.name,
            operation.allowed_targets.join(", ")
        )),
    }
}

/// `face_context`: where a face is looked for.
pub(crate) fn face_context(params: &Params) -> Result<Region, String> {
    match string(params, "face_context")?.unwrap_or("prominent_person") {
        "whole_image" => Ok(Region::WholeImage),
        "prominent_person" => Err(format!(
            "face_context 'prominent_person' is not available: {NO_PERSON_DETECTOR}; \
             set face_context to 'whole_image'"
        )),
        other => Err(format!(
            "face_context '{}' is neither 'prominent_person' nor 'whole_image'",
            shortened(other)
        )),
    }
}

/// `max_detections`: `None` asks for the single best box.
pub(crate) fn max_detections(params: &Params) -> Result<Option<NonZeroUsize>, String> {
    let Some(value) = present(params, "max_detections") else {
        return Ok(None);
    };
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .and_then(NonZeroUsize::new)
        .map(Some)
        .ok_or_else(|| {
            format!(
                "max_detections must be an integer of at least 1, not {}",
                excerpt(value)
            )
        })
}

fn string<'a>(params: &'a Params, name: &str) -> Result<Option<&'a str>, String> {
    match present(params, name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(other) => Err(format!("{name} must be a string, not {}", excerpt(other))),
    }
}

/// JSON null counts as absent.
fn present<'a>(params: &'a Params, name: &str) -> Option<&'a Value> {
    params.get(name).filter(|value| !value.is_null())
}

/// The value as JSON, cut short.
fn excerpt(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", shortened(text)),
        other => shortened(&other.to_string()).into_owned(),
    }
}

/// What a client wrote, fit to be quoted in an answer or a log: it may have been a megabyte.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operations::OPERATIONS;

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn max_detections_takes_integers_from_one() {
        let read = |value| max_detections(&params(json!({ "max_detections": value })));
        assert_eq!(read(json!(null)), Ok(None));
        assert_eq!(read(json!(3)), Ok(NonZeroUsize::new(3)));
        for bad in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!("2"),
            json!([1]),
            json!(true),
        ] {
            let message = read(bad.clone()).unwrap_err();
            assert!(message.ends_with(&format!("not {bad}")), "{message}");
        }
    }

    #[test]
    fn the_contract_defaults_are_named_when_they_cannot_be_served() {
        let none = Params::new();
        let message = target(&none, &OPERATIONS[0]).unwrap_err();
        assert!(
            message.starts_with("target 'prominent_person' is not available"),
            "{message}"
        );
        let message = face_context(&none).unwrap_err();
        assert!(
            message.starts_with("face_context 'prominent_person' is not available"),
            "{message}"
        );
    }

    #[test]
    fn a_huge_value_is_quoted_short() {
        let message =
            face_context(&params(json!({ "face_context": vec![7; 100_000] }))).unwrap_err();
        assert!(message.len() < 200, "{} bytes", message.len());
    }
}

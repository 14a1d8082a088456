//! Typed reading of a task's parameters. Every failure is a reason to skip the task, told to the client.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use models::{CaptionOptions, blip};
use serde_json::Value;

use crate::embedding::{VectorEncoding, VectorOptions};
use crate::operations::Operation;
use crate::target::{FaceContext, Target};
use crate::task::Params;

/// `target`, if there is one, checked against what the operation allows.
pub(crate) fn target(params: &Params, operation: &Operation) -> Result<Option<Target>, String> {
    let Some(name) = string(params, "target")? else {
        return Ok(None);
    };
    let mut allowed = operation.allowed_targets.iter();
    allowed
        .clone()
        .copied()
        .find(|target| target.name() == name)
        .map(Some)
        .ok_or_else(|| {
            let allowed: Vec<_> = allowed.by_ref().map(|target| target.name()).collect();
            format!(
                "target '{}' is not one of {}'s targets ({})",
                shortened(name),
                operation.name,
                allowed.join(", ")
            )
        })
}

/// `face_context`: where a face is looked for.
pub(crate) fn face_context(params: &Params) -> Result<FaceContext, String> {
    let [default, _] = FaceContext::ALL;
    let Some(name) = string(params, "face_context")? else {
        return Ok(default);
    };
    let mut known = FaceContext::ALL.into_iter();
    known.find(|context| context.name() == name).ok_or_else(|| {
        format!(
            "face_context '{}' is neither 'prominent_person' nor 'whole_image'",
            shortened(name)
        )
    })
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

/// `normalize` and `encoding`: how a vector is wanted.
pub(crate) fn vector_options(params: &Params) -> Result<VectorOptions, String> {
    let normalize = match present(params, "normalize") {
        None => false,
        Some(Value::Bool(normalize)) => *normalize,
        Some(other) => {
            return Err(format!(
                "normalize must be true or false, not {}",
                excerpt(other)
            ));
        }
    };
    let encoding = match string(params, "encoding")?.unwrap_or("float") {
        "float" => VectorEncoding::Float,
        "base64" => VectorEncoding::Base64,
        other => {
            return Err(format!(
                "encoding '{}' is neither 'float' nor 'base64'",
                shortened(other)
            ));
        }
    };
    Ok(VectorOptions {
        normalize,
        encoding,
    })
}

/// `collection_id`: whose classifier is asked.
pub(crate) fn collection_id(params: &Params) -> Result<u64, String> {
    let value = present(params, "collection_id").ok_or("collection_id is required")?;
    value.as_u64().ok_or_else(|| {
        format!(
            "collection_id must be an integer of at least 0, not {}",
            excerpt(value)
        )
    })
}

/// `max_length`, `num_beams` and `prompt`: how a description is wanted.
pub(crate) fn caption_options(params: &Params) -> Result<CaptionOptions, String> {
    /// More than this cannot fit into the most tokens that there may be, and is not worth the tokenizer's time.
    const LONGEST_PROMPT: usize = 16 * blip::MAX_LENGTH;
    let prompt = string(params, "prompt")?.filter(|prompt| !prompt.trim().is_empty());
    if let Some(prompt) = prompt.filter(|prompt| prompt.len() > LONGEST_PROMPT) {
        return Err(format!(
            "prompt has {} bytes, and may have {LONGEST_PROMPT}",
            prompt.len()
        ));
    }
    Ok(CaptionOptions {
        max_length: integer(params, "max_length", 1..=blip::MAX_LENGTH)?.unwrap_or(50),
        num_beams: integer(params, "num_beams", 1..=8)?.unwrap_or(4),
        prompt: prompt.map(str::to_owned),
    })
}

fn integer(
    params: &Params,
    name: &str,
    range: RangeInclusive<usize>,
) -> Result<Option<usize>, String> {
    let Some(value) = present(params, name) else {
        return Ok(None);
    };
    let integer = value.as_u64().and_then(|n| usize::try_from(n).ok());
    let within = integer.filter(|n| range.contains(n));
    within.map(Some).ok_or_else(|| {
        format!(
            "{name} must be an integer from {} to {}, not {}",
            range.start(),
            range.end(),
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
    fn a_task_that_names_nothing_gets_the_contract_s_defaults() {
        let none = Params::new();
        for operation in OPERATIONS {
            assert_eq!(target(&none, operation), Ok(None));
        }
        let targets = OPERATIONS.iter().map(|operation| operation.default_target);
        assert!(targets.eq([
            Target::ProminentPerson,
            Target::WholeImage,
            Target::WholeImage,
            Target::WholeImage,
            Target::WholeImage
        ]));
        assert_eq!(face_context(&none), Ok(FaceContext::ProminentPerson));
    }

    #[test]
    fn targets_and_contexts_are_read_by_their_names_and_others_are_named() {
        for operation in OPERATIONS {
            for &allowed in operation.allowed_targets {
                let read = target(&params(json!({ "target": allowed.name() })), operation);
                assert_eq!(read, Ok(Some(allowed)));
            }
        }
        assert_eq!(
            target(&params(json!({ "target": "whole_image" })), &OPERATIONS[0]),
            Err(
                "target 'whole_image' is not one of detect_bounding_box's targets \
                 (prominent_person, prominent_face)"
                    .to_owned()
            ),
            "there is no box to detect in a whole image"
        );
        let context = |name| face_context(&params(json!({ "face_context": name })));
        for known in FaceContext::ALL {
            assert_eq!(context(known.name()), Ok(known));
        }
        assert_eq!(
            context("prominent_face"),
            Err(
                "face_context 'prominent_face' is neither 'prominent_person' nor 'whole_image'"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_collection_is_a_number() {
        let read = |value| collection_id(&params(json!({ "collection_id": value })));
        for good in [0, 42, u64::MAX] {
            assert_eq!(read(json!(good)), Ok(good));
        }
        assert_eq!(
            collection_id(&Params::new()),
            Err("collection_id is required".to_owned())
        );
        assert_eq!(
            read(json!(null)),
            Err("collection_id is required".to_owned())
        );
        let beyond: Value = serde_json::from_str("18446744073709551616").unwrap();
        for bad in [
            json!(-1),
            json!(3.0),
            json!("3"),
            json!(true),
            json!([3]),
            json!({ "id": 3 }),
            beyond,
        ] {
            let said = format!("collection_id must be an integer of at least 0, not {bad}");
            assert_eq!(read(bad), Err(said));
        }
        let message = read(json!("x".repeat(100_000))).unwrap_err();
        assert!(message.len() < 200, "{} bytes", message.len());
    }

    #[test]
    fn vector_options_name_what_they_do_not_take() {
        let read = |value| vector_options(&params(value));
        let default = VectorOptions {
            normalize: false,
            encoding: VectorEncoding::Float,
        };
        assert_eq!(read(json!({})), Ok(default));
        assert_eq!(
            read(json!({ "normalize": null, "encoding": null })),
            Ok(default)
        );
        let both = VectorOptions {
            normalize: true,
            encoding: VectorEncoding::Base64,
        };
        assert_eq!(
            read(json!({ "normalize": true, "encoding": "base64" })),
            Ok(both)
        );
        for (bad, said) in [
            (
                json!({ "normalize": 1 }),
                "normalize must be true or false, not 1",
            ),
            (
                json!({ "normalize": "yes" }),
                "normalize must be true or false, not \"yes\"",
            ),
            (
                json!({ "encoding": "hex" }),
                "encoding 'hex' is neither 'float' nor 'base64'",
            ),
            (
                json!({ "encoding": "BASE64" }),
                "encoding 'BASE64' is neither 'float' nor 'base64'",
            ),
            (
                json!({ "encoding": ["float"] }),
                "encoding must be a string, not [\"float\"]",
            ),
        ] {
            assert_eq!(read(bad), Err(said.to_owned()));
        }
    }

    #[test]
    fn caption_options_name_what_they_do_not_take() {
        let read = |value| caption_options(&params(value));
        let default = CaptionOptions {
            max_length: 50,
            num_beams: 4,
            prompt: None,
        };
        assert_eq!(read(json!({})), Ok(default.clone()));
        assert_eq!(
            read(json!({ "prompt": " ", "max_length": null })),
            Ok(default)
        );
        let all = CaptionOptions {
            max_length: 512,
            num_beams: 1,
            prompt: Some("a photograph of".to_owned()),
        };
        assert_eq!(
            read(json!({ "max_length": 512, "num_beams": 1, "prompt": "a photograph of" })),
            Ok(all)
        );
        for (bad, said) in [
            (
                json!({ "max_length": 0 }),
                "max_length must be an integer from 1 to 512, not 0",
            ),
            (
                json!({ "max_length": 513 }),
                "max_length must be an integer from 1 to 512, not 513",
            ),
            (
                json!({ "max_length": "20" }),
                "max_length must be an integer from 1 to 512, not \"20\"",
            ),
            (
                json!({ "num_beams": 9 }),
                "num_beams must be an integer from 1 to 8, not 9",
            ),
            (
                json!({ "num_beams": 2.0 }),
                "num_beams must be an integer from 1 to 8, not 2.0",
            ),
            (json!({ "prompt": 7 }), "prompt must be a string, not 7"),
            (
                json!({ "prompt": "x".repeat(9000) }),
                "prompt has 9000 bytes, and may have 8192",
            ),
        ] {
            assert_eq!(read(bad), Err(said.to_owned()));
        }
    }

    #[test]
    fn a_huge_value_is_quoted_short() {
        let message =
            face_context(&params(json!({ "face_context": vec![7; 100_000] }))).unwrap_err();
        assert!(message.len() < 200, "{} bytes", message.len());
        for name in ["normalize", "encoding"] {
            for value in [json!(vec![7; 100_000]), json!("x".repeat(100_000))] {
                let message = vector_options(&params(json!({ name: value }))).unwrap_err();
                assert!(message.len() < 200, "{} bytes", message.len());
            }
        }
    }
}

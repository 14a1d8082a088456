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

/// `face_context`: where a face is looked for. Whatever is not known stands for the whole image, null too, as in the Python service.
pub(crate) fn face_context(params: &Params) -> FaceContext {
    let [default, _] = FaceContext::ALL;
    match params.get("face_context") {
        None => default,
        Some(context) if context == default.name() => default,
        Some(_) => FaceContext::WholeImage,
    }
}

/// `max_detections`: `None` asks for the single best box.
pub(crate) fn max_detections(params: &Params) -> Result<Option<NonZeroUsize>, String> {
    let Some(value) = present(params, "max_detections") else {
        return Ok(None);
    };
    whole_number(value)
        .filter(|number| *number > 0)
        .and_then(|number| NonZeroUsize::new(usize::try_from(number).unwrap_or(usize::MAX)))
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
        Some(value) => yes_or_no(value)
            .ok_or_else(|| format!("normalize must be true or false, not {}", excerpt(value)))?,
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
    let number = whole_number(value).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| {
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
        // The longest that the model can is what a client gets who asks for more.
        max_length: integer(params, "max_length", 1..=usize::MAX)?
            .map_or(50, |length| length.min(blip::MAX_LENGTH)),
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
    let number = whole_number(value).map(|number| usize::try_from(number.max(0)));
    let integer = number.map(|number| number.unwrap_or(usize::MAX));
    let within = integer.filter(|n| range.contains(n));
    within.map(Some).ok_or_else(|| {
        let range = match *range.end() {
            usize::MAX => format!("of at least {}", range.start()),
            end => format!("from {} to {end}", range.start()),
        };
        format!("{name} must be an integer {range}, not {}", excerpt(value))
    })
}

/// The whole number that a client means by `15`, `15.0` or `"15"`; one beyond all bounds is the nearest that there is.
fn whole_number(value: &Value) -> Option<i128> {
    /// More digits than any number has that means something here.
    const LONGEST: usize = 400;
    let of_float = |number: f64| (number.fract() == 0.0).then_some(number as i128);
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Some(number.into()),
            (_, Some(number)) => Some(number.into()),
            _ => number.as_f64().and_then(of_float),
        },
        Value::String(text) if text.len() <= LONGEST => {
            let text = text.trim();
            let integer = text.parse().ok();
            integer.or_else(|| text.parse().ok().and_then(of_float))
        }
        _ => None,
    }
}

/// What a client means by `true`, `"true"`, Python's `"True"`, or 1.
fn yes_or_no(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => match whole_number(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
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

/// A value as it may be quoted in an answer: as JSON, cut short; of a list or an object only that it is one.
#[must_use]
pub fn excerpt(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", shortened(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// What a client wrote, fit to be quoted in an answer or a log: it may have been a megabyte.
#[must_use]
pub fn shortened(text: &str) -> Cow<'_, str> {
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
        for three in [json!(3), json!(3.0), json!("3"), json!(" 3.0 ")] {
            assert_eq!(read(three), Ok(NonZeroUsize::new(3)));
        }
        assert_eq!(read(json!(1e300)), Ok(NonZeroUsize::new(usize::MAX)));
        for bad in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!("two"),
            json!("Infinity"),
            json!(""),
            json!([1]),
            json!(true),
        ] {
            let message = read(bad.clone()).unwrap_err();
            assert!(
                message.ends_with(&format!("not {}", excerpt(&bad))),
                "{message}"
            );
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
        assert_eq!(face_context(&none), FaceContext::ProminentPerson);
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
        let context = |value| face_context(&params(json!({ "face_context": value })));
        for known in FaceContext::ALL {
            assert_eq!(context(json!(known.name())), known);
        }
        // The Python service compares with 'prominent_person', and does the other thing wherever that is not it.
        for other in [
            json!("prominent_face"),
            json!("Prominent_Person"),
            json!(null),
            json!(3),
            json!([]),
        ] {
            assert_eq!(context(other), FaceContext::WholeImage);
        }
    }

    #[test]
    fn a_collection_is_a_number() {
        let read = |value| collection_id(&params(json!({ "collection_id": value })));
        for good in [0, 42, u64::MAX] {
            assert_eq!(read(json!(good)), Ok(good));
            assert_eq!(read(json!(good.to_string())), Ok(good));
        }
        for fifteen in [json!(15.0), json!("15"), json!("+15"), json!("15.0")] {
            assert_eq!(read(fifteen), Ok(15));
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
            json!(3.5),
            json!("3.5"),
            json!("three"),
            json!("NaN"),
            json!(true),
            json!([3]),
            json!({ "id": 3 }),
            beyond,
        ] {
            let said = format!(
                "collection_id must be an integer of at least 0, not {}",
                excerpt(&bad)
            );
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
                json!({ "normalize": 2 }),
                "normalize must be true or false, not 2",
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
                "encoding must be a string, not a list",
            ),
        ] {
            assert_eq!(read(bad), Err(said.to_owned()));
        }
    }

    #[test]
    fn normalize_may_be_a_string_or_a_number_that_says_true_or_false() {
        let read = |value| vector_options(&params(json!({ "normalize": value })));
        for (yes, no) in [
            (json!(true), json!(false)),
            (json!("true"), json!("false")),
            (json!("True"), json!(" False ")),
            (json!(1), json!(0)),
            (json!("1"), json!("0")),
        ] {
            assert!(read(yes).unwrap().normalize);
            assert!(!read(no).unwrap().normalize);
        }
        for bad in [json!(""), json!("truth"), json!(-1), json!([true])] {
            assert!(read(bad).is_err());
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
                "max_length must be an integer of at least 1, not 0",
            ),
            (
                json!({ "max_length": "long" }),
                "max_length must be an integer of at least 1, not \"long\"",
            ),
            (
                json!({ "num_beams": 9 }),
                "num_beams must be an integer from 1 to 8, not 9",
            ),
            (
                json!({ "num_beams": 2.5 }),
                "num_beams must be an integer from 1 to 8, not 2.5",
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
    fn max_length_is_clamped_to_what_the_model_can() {
        let read = |value| caption_options(&params(json!({ "max_length": value })));
        for (value, expected) in [
            (json!(512), 512),
            (json!(513), 512),
            (json!(1e300), 512),
            (json!("20"), 20),
            (json!(20.0), 20),
        ] {
            assert_eq!(read(value).unwrap().max_length, expected);
        }
    }

    #[test]
    fn a_huge_value_is_quoted_short() {
        for name in ["normalize", "encoding"] {
            for value in [json!(vec![7; 100_000]), json!("x".repeat(100_000))] {
                let message = vector_options(&params(json!({ name: value }))).unwrap_err();
                assert!(message.len() < 200, "{} bytes", message.len());
            }
        }
    }
}

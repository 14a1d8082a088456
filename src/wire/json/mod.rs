//! A client's JSON, taken as Python's `json.loads(bytes)` takes it, and read without building what nobody reads.

mod encoding;
mod key;
mod python;
mod raw;

use std::borrow::Cow;

use thiserror::Error;

pub(super) use key::number_as_key;
pub(super) use raw::{Raw, elements, members, value};

/// The deepest nesting that is read; Python gives up at about a thousand, too.
const MAX_DEPTH: usize = 1000;

/// Why bytes are no JSON document.
#[derive(Debug, Error)]
pub enum JsonError {
    /// They are not text in the encoding that they begin as.
    #[error("the JSON is not valid {0}")]
    Encoding(&'static str),
    /// Lists and objects in one another.
    #[error("the JSON is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// The grammar is broken.
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
}

/// The document that `bytes` are, checked to its end, in UTF-8 and without what only Python takes.
pub(super) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    let text = match encoding::decode(bytes)? {
        Cow::Borrowed(text) => python::plain(text)?,
        Cow::Owned(text) => Cow::Owned(python::plain(&text)?.into_owned()),
    };
    // Values that are not read are looked through once, and never built.
    serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> String {
        text(bytes).map_or_else(|error| error.to_string(), Cow::into_owned)
    }

    fn utf_16(text: &str, encode: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(encode).collect()
    }

    fn utf_32(text: &str, encode: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|it| encode(it.into())).collect()
    }

    #[test]
    fn every_encoding_that_python_detects_is_read() {
        let json = "{\"é\":\"😀\"}";
        let marked = format!("\u{feff}{json}");
        assert_eq!(read(json.as_bytes()), json);
        for json in [json, &marked] {
            let expected = "{\"é\":\"😀\"}";
            assert_eq!(read(json.as_bytes()), expected);
            assert_eq!(read(&utf_16(json, u16::to_le_bytes)), expected);
            assert_eq!(read(&utf_16(json, u16::to_be_bytes)), expected);
            assert_eq!(read(&utf_32(json, u32::to_le_bytes)), expected);
            assert_eq!(read(&utf_32(json, u32::to_be_bytes)), expected);
        }
        assert_eq!(read(b"1\0"), "1", "UTF-16 of one character");
        assert_eq!(read(b"\xff"), "the JSON is not valid UTF-8");
        assert_eq!(read(b"\xff\xfe[\0]"), "the JSON is not valid UTF-16");
        assert_eq!(
            read(b"\xff\xfe\0\0\0\0\x11\0"),
            "the JSON is not valid UTF-32"
        );
        assert_eq!(
            read(b"\"\xed\xa0\x80\""),
            "\"\u{fffd}\"",
            "a surrogate in UTF-8"
        );
    }

    #[test]
    fn what_only_python_takes_is_made_plain_outside_of_strings() {
        for (json, expected) in [
            (
                "[NaN,Infinity,-Infinity]",
                r#"["NaN","Infinity","-Infinity"]"#,
            ),
            (r#"{"NaN":"\"NaN"}"#, r#"{"NaN":"\"NaN"}"#),
            (
                "[1e999, -1.5E+999, 1e9, 12e-999]",
                r#"["Infinity", "-Infinity", 1e9, 12e-999]"#,
            ),
            (
                r#""\ud800\u0041 \udc00 \ud83d\ude00 \uD83D""#,
                r#""\ufffd\u0041 \ufffd \ud83d\ude00 \ufffd""#,
            ),
            (r#""\\ud800""#, r#""\\ud800""#),
        ] {
            assert_eq!(read(json.as_bytes()), expected);
        }
        let long = "9".repeat(400);
        assert_eq!(read(long.as_bytes()), "\"Infinity\"");
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for json in [
            "",
            "nan",
            "-NaN",
            "Inf",
            "[1,]",
            "{a:1}",
            "01e999",
            "+1e999",
            ".5e999",
            "1.e999",
            "1e999e1",
            "'a'",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud8\"",
            "[] []",
            "\"open",
        ] {
            assert!(text(json.as_bytes()).is_err(), "{json:?}");
        }
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(text(nested(MAX_DEPTH).as_bytes()).is_ok());
        let deep = nested(MAX_DEPTH + 1);
        assert!(matches!(text(deep.as_bytes()), Err(JsonError::TooDeep)));
    }
}

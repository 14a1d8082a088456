//! What Python's `json` takes beyond the grammar of RFC 8259.

use std::borrow::Cow;

use super::{JsonError, MAX_DEPTH};

/// `json` without what only Python takes: `NaN` and numbers beyond every float become strings that say so, which no parameter that
/// is a number takes, and halves of escaped characters the replacement character. What is wrong otherwise is left as it is.
pub(super) fn plain(json: &str) -> Result<Cow<'_, str>, JsonError> {
    let mut out = String::new();
    let (mut copied, mut at, mut depth) = (0, 0, 0_usize);
    let bytes = json.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let (length, instead) = match byte {
            b'"' => {
                at = string(json, at, &mut copied, &mut out);
                continue;
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(JsonError::TooDeep);
                }
                (1, None)
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                (1, None)
            }
            b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => word(&bytes[at..]),
            _ => (1, None),
        };
        if let Some(instead) = instead {
            out.push_str(&json[copied..at]);
            out.push_str(instead);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return Ok(json.into());
    }
    out.push_str(&json[copied..]);
    Ok(out.into())
}

/// The length of a number or name, and what stands for it.
fn word(rest: &[u8]) -> (usize, Option<&'static str>) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = rest.iter().take_while(|byte| is_part(byte)).count();
    let instead = match &rest[..length] {
        b"NaN" => Some("\"NaN\""),
        b"Infinity" => Some("\"Infinity\""),
        b"-Infinity" => Some("\"-Infinity\""),
        number if is_infinite(number) => Some(match number[0] {
            b'-' => "\"-Infinity\"",
            _ => "\"Infinity\"",
        }),
        _ => None,
    };
    (length, instead)
}

/// Whether it is a number that no float is large enough for.
fn is_infinite(number: &[u8]) -> bool {
    /// Digits of the largest float.
    const DIGITS: usize = 309;
    if number.len() < DIGITS && !number.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(number) else {
        return false;
    };
    is_grammatical(number) && text.parse::<f64>().is_ok_and(f64::is_infinite)
}

/// RFC 8259's `number`, which Rust's is wider than.
fn is_grammatical(number: &[u8]) -> bool {
    fn digits(text: &[u8]) -> (usize, &[u8]) {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count, &text[count..])
    }
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let (count, mut rest) = digits(number);
    if count == 0 || (count > 1 && number[0] == b'0') {
        return false;
    }
    if let [b'.', fraction @ ..] = rest {
        let (count, after) = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let unsigned = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            _ => exponent,
        };
        let (count, after) = digits(unsigned);
        return count > 0 && after.is_empty();
    }
    rest.is_empty()
}

/// Where the string that begins `at` ends. Escaped halves of characters in it are replaced.
fn string(json: &str, at: usize, copied: &mut usize, out: &mut String) -> usize {
    let bytes = json.as_bytes();
    let mut at = at + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        let unit = |at: usize| match bytes.get(at..at + 6) {
            Some([b'\\', b'u', hex @ ..]) => std::str::from_utf8(hex)
                .ok()
                .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|hex| u16::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        at += match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&json[*copied..at]);
                out.push_str("\\ufffd");
                *copied = at + 6;
                6
            }
            Some(_) => 6,
            None => 2,
        };
        at = at.min(bytes.len());
    }
    bytes.len()
}

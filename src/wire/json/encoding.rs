use std::borrow::Cow;

use super::JsonError;

/// The text, without its byte order mark, in the encoding that Python's `json.detect_encoding` sees: RFC 4627's rule, by which the
/// zeros among the first four bytes tell. Halves of characters are replaced.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    let utf_16 = |bytes, unit| utf_16(bytes, unit).map(Cow::Owned);
    let utf_32 = |bytes, unit| utf_32(bytes, unit).map(Cow::Owned);
    match bytes {
        [0, 0, 0xFE, 0xFF, rest @ ..] => utf_32(rest, u32::from_be_bytes),
        [0xFF, 0xFE, 0, 0, rest @ ..] => utf_32(rest, u32::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf_8(rest),
        [0, 0, _, _, ..] => utf_32(bytes, u32::from_be_bytes),
        [0, _, _, _, ..] | [0, _] => utf_16(bytes, u16::from_be_bytes),
        [_, 0, 0, 0, ..] => utf_32(bytes, u32::from_le_bytes),
        [_, 0, _, _, ..] | [_, 0] => utf_16(bytes, u16::from_le_bytes),
        _ => utf_8(bytes),
    }
}

fn utf_8(bytes: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.into());
    }
    // Python lets surrogates pass, which UTF-8 proper has not.
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(three @ [0xED, 0xA0..=0xBF, 0x80..=0xBF]) = bytes.get_mut(at..at + 3) {
            three.copy_from_slice("\u{fffd}".as_bytes());
        }
        at += 1;
    }
    let text = String::from_utf8(bytes).map_err(|_invalid| JsonError::Encoding("UTF-8"))?;
    Ok(text.into())
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, JsonError> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(JsonError::Encoding("UTF-16"));
    }
    let characters = char::decode_utf16(units.iter().copied().map(unit));
    Ok(characters
        .map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect())
}

fn utf_32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Result<String, JsonError> {
    let invalid = || JsonError::Encoding("UTF-32");
    let (units, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(invalid());
    }
    let character = |unit: u32| match unit {
        0xD800..=0xDFFF => Ok(char::REPLACEMENT_CHARACTER),
        _ => char::from_u32(unit).ok_or_else(invalid),
    };
    units.iter().copied().map(unit).map(character).collect()
}

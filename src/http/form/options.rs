//! Headers with parameters: `form-data; name="a"; filename="b"`.

use super::{Charset, FormError, MAX_BOUNDARY_BYTES};

/// What the content type of a form says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// The line between parts, without its hyphens.
    pub boundary: Vec<u8>,
    /// How names and text are encoded.
    pub charset: Charset,
}

impl ContentType {
    /// Reads the request's `content-type`.
    ///
    /// # Errors
    /// [`FormError`] if it is not that of a form with files.
    pub fn read(header: &[u8]) -> Result<Self, FormError> {
        let options = Options::read(header);
        match &options.value[..] {
            b"multipart/form-data" => {}
            b"application/x-www-form-urlencoded" => return Err(FormError::UrlEncoded),
            _ => return Err(FormError::NotAForm),
        }
        // An end of line can be in no header, and the search for boundaries counts on it.
        let boundary = options
            .get(b"boundary")
            .filter(|boundary| !boundary.contains(&b'\r'))
            .ok_or(FormError::NoBoundary)?;
        if boundary.len() > MAX_BOUNDARY_BYTES {
            return Err(FormError::LongBoundary(boundary.len()));
        }
        Ok(Self {
            boundary: boundary.to_vec(),
            charset: options
                .get(b"charset")
                .map_or(Charset::Utf8, Charset::named),
        })
    }
}

/// A header with parameters.
///
/// A semicolon between quotes separates nothing. What RFC 5987 encodes (`filename*`) is passed over, as RFC 7578 wants it for forms.
#[derive(Debug)]
pub(super) struct Options {
    /// What comes before the parameters, in lower case.
    pub(super) value: Vec<u8>,
    /// Names in lower case, and values without quotes.
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Options {
    pub(super) fn read(header: &[u8]) -> Self {
        let mut segments = segments(header);
        let value = segments.next().unwrap_or_default();
        Self {
            value: value.trim_blanks().to_ascii_lowercase(),
            parameters: segments.filter_map(parameter).collect(),
        }
    }

    /// The parameter of this name; of two the last counts.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.parameters.iter().rfind(|(key, _)| key == name);
        found.map(|(_, value)| &value[..])
    }
}

fn parameter(segment: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (key, value) = match segment.iter().position(|&byte| byte == b'=') {
        Some(at) => (&segment[..at], &segment[at + 1..]),
        None => (segment, &b""[..]),
    };
    let key = key.trim_blanks().to_ascii_lowercase();
    if key.contains(&b'*') {
        return None;
    }
    let mut value = unquoted(value.trim_blanks());
    if key == b"filename" {
        value = file_name(value);
    }
    Some((key, value))
}

trait TrimBlanks {
    fn trim_blanks(&self) -> &[u8];
}

impl TrimBlanks for [u8] {
    fn trim_blanks(&self) -> &[u8] {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = self.iter().position(|byte| !blank(byte));
        let end = self.iter().rposition(|byte| !blank(byte));
        match (start, end) {
            (Some(start), Some(end)) => &self[start..=end],
            _ => &[],
        }
    }
}

/// What is between semicolons that are not between quotes; a quote after a backslash is none.
fn segments(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut within, mut last) = (false, b';');
        let end = text.iter().position(|&byte| {
            within ^= byte == b'"' && last != b'\\';
            last = byte;
            byte == b';' && !within
        });
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

fn unquoted(value: &[u8]) -> Vec<u8> {
    match value {
        [b'"', inner @ .., b'"'] => {
            // Two passes, as upstream makes them: `\\"` is a quote.
            let backslashes = replaced(inner, *b"\\\\", b'\\');
            replaced(&backslashes, *b"\\\"", b'"')
        }
        _ => value.to_vec(),
    }
}

fn replaced(text: &[u8], pair: [u8; 2], by: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let is_pair = rest.starts_with(&pair);
        out.push(if is_pair { by } else { first });
        rest = if is_pair { &after[1..] } else { after };
    }
    out
}

/// Internet Explorer sends a file's whole path.
fn file_name(value: Vec<u8>) -> Vec<u8> {
    if value.get(1..3) == Some(b":\\") || value.starts_with(b"\\\\") {
        let last = value.rsplit(|&byte| byte == b'\\').next();
        return last.unwrap_or_default().to_vec();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Vec<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let parameters = Options::read(header.as_bytes()).parameters.into_iter();
        parameters.map(|(key, it)| (text(key), text(it))).collect()
    }

    #[test]
    fn parameters_are_read_as_python_multipart_reads_them() {
        for (header, expected) in [
            ("form-data", vec![]),
            (
                "Form-Data ; NAME=\"a\" ;x = y",
                vec![("name", "a"), ("x", "y")],
            ),
            (
                "f; filename=\"a\\\"b; c.png\"; name=x",
                vec![("filename", "a\"b; c.png"), ("name", "x")],
            ),
            (
                "f; filename*=UTF-8''%C3%A9.png; filename=\"e.png\"",
                vec![("filename", "e.png")],
            ),
            (
                "f; filename=\"C:\\Users\\me\\a.png\"",
                vec![("filename", "a.png")],
            ),
            (
                "f; filename=\"C:\\\\Users\\\\me\\\\\"",
                vec![("filename", "")],
            ),
            (
                "f; filename=\"\\\\\\\\host\\\\a.png\"",
                vec![("filename", "a.png")],
            ),
            (
                "f; filename=\"/tmp/a.png\"",
                vec![("filename", "/tmp/a.png")],
            ),
            ("f; filename=\"C:\\a\\\"", vec![("filename", "")]),
            (
                "f; filename=\"a\\\"; name=\"x\"",
                vec![("filename", "a\"; name=\"x")],
            ),
            ("f; a=\"\\\\\"; b=1", vec![("a", "\"\\\\\"; b=1")]),
            ("f;; flag", vec![("", ""), ("flag", "")]),
            ("f; boundary===1==", vec![("boundary", "==1==")]),
            ("f; a=\"", vec![("a", "\"")]),
        ] {
            let found = read(header);
            let found: Vec<_> = found.iter().map(|(k, v)| (&k[..], &v[..])).collect();
            assert_eq!(found, expected, "{header}");
        }
    }

    #[test]
    fn a_content_type_says_boundary_and_charset() {
        let read = |header: &str| ContentType::read(header.as_bytes());
        let found = read("Multipart/Form-Data ; boundary=\"a b\" ; charset=ISO-8859-1").unwrap();
        assert_eq!(found.boundary, b"a b");
        assert_eq!(found.charset, Charset::Latin1);
        assert_eq!(read("multipart/form-data"), Err(FormError::NoBoundary));
        let long = format!("multipart/form-data; boundary={}", "x".repeat(257));
        assert_eq!(read(&long), Err(FormError::LongBoundary(257)));
        assert!(read(&long[..long.len() - 1]).is_ok());
        assert_eq!(
            read("multipart/mixed; boundary=x"),
            Err(FormError::NotAForm)
        );
        assert_eq!(
            read("application/x-www-form-urlencoded"),
            Err(FormError::UrlEncoded)
        );
    }
}

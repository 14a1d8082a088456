use super::options::Options;
use super::{FormError, MAX_HEADER_BYTES};

/// How a form's names and text are encoded. Whatever is no UTF-8 is Latin-1, in which everything is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, if it is; else Latin-1.
    Utf8,
    /// ISO 8859-1.
    Latin1,
}

impl Charset {
    /// The charset that the content type names; one that is not known is read as Latin-1.
    #[must_use]
    pub fn named(name: &[u8]) -> Self {
        let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
        let plain: Vec<_> = letters.map(u8::to_ascii_lowercase).collect();
        match &plain[..] {
            b"utf8" | b"u8" | b"utf" | b"utf8ucs2" | b"utf8ucs4" | b"cp65001" | b"" => Self::Utf8,
            _ => Self::Latin1,
        }
    }

    /// The text that `bytes` are.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        match (self, std::str::from_utf8(bytes)) {
            (Self::Utf8, Ok(text)) => text.to_owned(),
            _ => bytes.iter().copied().map(char::from).collect(),
        }
    }
}

/// What a part's headers say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    /// The field's name.
    pub name: Vec<u8>,
    /// The file's name, which may be empty; a field that has none is text.
    pub file_name: Option<Vec<u8>>,
}

/// The headers of the part that is being read: of all of them only what says the name is held.
#[derive(Debug, Default)]
pub(super) struct Headers {
    bytes: usize,
    name: Vec<u8>,
    value: Vec<u8>,
    disposition: Vec<u8>,
}

const DISPOSITION: &[u8] = b"content-disposition";

impl Headers {
    /// More bytes of a header's name.
    pub(super) fn name(&mut self, more: &[u8], part: usize) -> Result<(), FormError> {
        if !more.iter().copied().all(is_token) {
            return Err(FormError::MalformedHeaders(part));
        }
        self.count(more.len(), part)?;
        let room = DISPOSITION.len() + 1 - self.name.len();
        self.name.extend_from_slice(&more[..more.len().min(room)]);
        Ok(())
    }

    /// Whether the header that is being read has a name so far.
    pub(super) fn has_name(&self) -> bool {
        !self.name.is_empty()
    }

    /// More bytes of a header's value.
    pub(super) fn value(&mut self, more: &[u8], part: usize) -> Result<(), FormError> {
        self.count(more.len(), part)?;
        if self.name.eq_ignore_ascii_case(DISPOSITION) {
            self.value.extend_from_slice(more);
        }
        Ok(())
    }

    /// A header is whole; of two that say the name the last counts.
    pub(super) fn end_header(&mut self) {
        if self.name.eq_ignore_ascii_case(DISPOSITION) {
            self.disposition = std::mem::take(&mut self.value);
        }
        self.name.clear();
    }

    /// All headers are there.
    pub(super) fn finish(self, part: usize) -> Result<PartHead, FormError> {
        let options = Options::read(&self.disposition);
        Ok(PartHead {
            name: options
                .get(b"name")
                .ok_or(FormError::Unnamed(part))?
                .to_vec(),
            file_name: options.get(b"filename").map(<[u8]>::to_vec),
        })
    }

    /// A header that is not held counts too: a part whose headers never end is refused.
    pub(super) fn count(&mut self, more: usize, part: usize) -> Result<(), FormError> {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > MAX_HEADER_BYTES {
            return Err(FormError::LongHeaders(part));
        }
        Ok(())
    }
}

/// RFC 7230's `tchar`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_latin_1() {
        assert_eq!(Charset::Utf8.decode("é".as_bytes()), "é");
        assert_eq!(Charset::Utf8.decode(b"\xe9"), "é");
        assert_eq!(Charset::named(b"iso-8859-1").decode("é".as_bytes()), "Ã©");
        assert_eq!(Charset::named(b"nobody's").decode(b"\x80"), "\u{80}");
        assert_eq!(Charset::named(b"UTF_8"), Charset::Utf8);
    }
}

//! `multipart/form-data` (RFC 7578), as a state machine.

use memchr::{memchr, memmem, memrchr};

use super::part::Headers;
use super::{ContentType, FormError, MAX_PARTS, PartHead};

/// Where parts go.
pub trait Parts {
    /// Why they would not be taken.
    type Error: From<FormError>;

    /// A part begins.
    ///
    /// # Errors
    /// Ends the reading.
    fn begin(&mut self, head: PartHead) -> Result<(), Self::Error>;

    /// More of the part that has begun.
    ///
    /// # Errors
    /// Ends the reading.
    fn data(&mut self, more: &[u8]) -> Result<(), Self::Error>;

    /// The part that has begun is whole.
    fn end(&mut self);
}

/// Reads a form chunk by chunk, in time that is linear in its bytes.
#[derive(Debug)]
pub struct Multipart {
    /// `\r\n--boundary`.
    delimiter: Vec<u8>,
    finder: memmem::Finder<'static>,
    state: State,
    headers: Headers,
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// An end of line came first, so the boundary may come later.
    Preamble,
    /// So many bytes of the first boundary's line are there.
    FirstBoundary(usize),
    FirstBoundaryCr,
    FirstBoundaryHyphen,
    HeaderStart,
    HeaderName,
    ValueStart,
    Value,
    ValueCr,
    HeadersCr,
    /// So many bytes of a delimiter are there, if it is one.
    Data(usize),
    Delimiter,
    DelimiterCr,
    DelimiterHyphen,
    Padding,
    PaddingCr,
    /// After the last boundary; what follows is passed over.
    End,
}

impl Multipart {
    /// Reads the form that the content type announces.
    #[must_use]
    pub fn new(content_type: &ContentType) -> Self {
        let delimiter = [&b"\r\n--"[..], &content_type.boundary].concat();
        Self {
            finder: memmem::Finder::new(&delimiter).into_owned(),
            delimiter,
            state: State::Start,
            headers: Headers::default(),
            parts: 0,
        }
    }

    /// Whether the form has come to its end. One that has not may still be taken: a part that is not whole does not count.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == State::End
    }

    /// Reads one more chunk.
    ///
    /// # Errors
    /// [`FormError`] if this is no form, and whatever `parts` does not take.
    pub fn feed<P: Parts>(&mut self, chunk: &[u8], parts: &mut P) -> Result<(), P::Error> {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            let taken = match self.state {
                State::Start
                | State::Preamble
                | State::FirstBoundary(_)
                | State::FirstBoundaryCr
                | State::FirstBoundaryHyphen => self.before_parts(rest)?,
                State::Data(_) => self.data(rest, parts)?,
                State::Delimiter | State::DelimiterCr | State::DelimiterHyphen => {
                    self.after_delimiter(byte, parts)?
                }
                State::Padding => {
                    match byte {
                        b'\r' => self.state = State::PaddingCr,
                        b' ' | b'\t' => {}
                        _ => return Err(FormError::UnfinishedBoundary.into()),
                    }
                    1
                }
                State::PaddingCr if byte == b'\n' => {
                    parts.end();
                    self.begin_headers()?;
                    1
                }
                State::PaddingCr => return Err(FormError::UnfinishedBoundary.into()),
                State::End => rest.len(),
                _ => self.headers(rest, parts)?,
            };
            rest = &rest[taken..];
        }
        Ok(())
    }

    /// What comes before the first part: the boundary, and nothing else unless it begins with an end of line.
    fn before_parts(&mut self, rest: &[u8]) -> Result<usize, FormError> {
        let byte = rest[0];
        let boundary = &self.delimiter[2..];
        match self.state {
            State::Start if matches!(byte, b'\r' | b'\n') => self.state = State::Preamble,
            State::Preamble => {
                let skipped = memchr(b'-', rest).unwrap_or(rest.len());
                if skipped < rest.len() {
                    self.state = State::FirstBoundary(0);
                }
                return Ok(skipped);
            }
            State::Start => {
                self.state = State::FirstBoundary(0);
                return Ok(0);
            }
            State::FirstBoundary(matched) if matched < boundary.len() => {
                let length = rest.len().min(boundary.len() - matched);
                if rest[..length] != boundary[matched..matched + length] {
                    return Err(FormError::NoFirstBoundary);
                }
                self.state = State::FirstBoundary(matched + length);
                return Ok(length);
            }
            State::FirstBoundary(_) if byte == b'\r' => self.state = State::FirstBoundaryCr,
            State::FirstBoundary(_) if byte == b'-' => self.state = State::FirstBoundaryHyphen,
            State::FirstBoundaryCr if byte == b'\n' => self.begin_headers()?,
            State::FirstBoundaryHyphen if byte == b'-' => self.state = State::End,
            _ => return Err(FormError::UnfinishedBoundary),
        }
        Ok(1)
    }

    fn begin_headers(&mut self) -> Result<(), FormError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(FormError::TooManyParts);
        }
        self.headers = Headers::default();
        self.state = State::HeaderStart;
        Ok(())
    }

    fn headers<P: Parts>(&mut self, rest: &[u8], parts: &mut P) -> Result<usize, P::Error> {
        let (byte, part) = (rest[0], self.parts);
        let until = |end: u8| memchr(end, rest).unwrap_or(rest.len());
        match self.state {
            State::HeaderStart if byte == b'\r' => self.state = State::HeadersCr,
            State::HeaderStart => {
                self.state = State::HeaderName;
                return Ok(0);
            }
            State::HeaderName if byte == b':' && self.headers.has_name() => {
                self.state = State::ValueStart;
            }
            State::HeaderName if byte != b':' => {
                let length = until(b':');
                self.headers.name(&rest[..length], part)?;
                return Ok(length);
            }
            State::ValueStart if byte == b' ' => self.headers.count(1, part)?,
            State::ValueStart => {
                self.state = State::Value;
                return Ok(0);
            }
            State::Value if byte == b'\r' => self.state = State::ValueCr,
            State::Value => {
                let length = until(b'\r');
                self.headers.value(&rest[..length], part)?;
                return Ok(length);
            }
            State::ValueCr if byte == b'\n' => {
                self.headers.end_header();
                self.state = State::HeaderStart;
            }
            State::HeadersCr if byte == b'\n' => {
                parts.begin(std::mem::take(&mut self.headers).finish(part)?)?;
                self.state = State::Data(0);
            }
            _ => return Err(FormError::MalformedHeaders(part).into()),
        }
        Ok(1)
    }

    /// A part's content up to the next delimiter. Only the delimiter's first byte is an end of line, so that nothing has to be
    /// looked at twice where one is not finished.
    fn data<P: Parts>(&mut self, rest: &[u8], parts: &mut P) -> Result<usize, P::Error> {
        let delimiter = &self.delimiter;
        if let State::Data(matched @ 1..) = self.state {
            let length = rest.len().min(delimiter.len() - matched);
            let same = rest.iter().zip(&delimiter[matched..]);
            let same = same.take_while(|(found, wanted)| found == wanted).count();
            if same < length {
                // Not a delimiter after all.
                parts.data(&delimiter[..matched + same])?;
                self.state = State::Data(0);
                return Ok(same);
            }
            self.state = match matched + length {
                whole if whole == delimiter.len() => State::Delimiter,
                more => State::Data(more),
            };
            return Ok(length);
        }
        if let Some(at) = self.finder.find(rest) {
            parts.data(&rest[..at])?;
            self.state = State::Delimiter;
            return Ok(at + delimiter.len());
        }
        let tail = rest.len().saturating_sub(delimiter.len() - 1);
        let cut = memrchr(b'\r', &rest[tail..])
            .map(|at| tail + at)
            .filter(|&at| delimiter.starts_with(&rest[at..]))
            .unwrap_or(rest.len());
        parts.data(&rest[..cut])?;
        self.state = State::Data(rest.len() - cut);
        Ok(rest.len())
    }

    /// The two bytes after a delimiter say whether it is one.
    fn after_delimiter<P: Parts>(&mut self, byte: u8, parts: &mut P) -> Result<usize, P::Error> {
        match (self.state, byte) {
            (State::Delimiter, b'\r') => self.state = State::DelimiterCr,
            (State::Delimiter, b'-') => self.state = State::DelimiterHyphen,
            (State::Delimiter, b' ' | b'\t') => self.state = State::Padding,
            (State::DelimiterCr, b'\n') => {
                parts.end();
                self.begin_headers()?;
            }
            (State::DelimiterHyphen, b'-') => {
                parts.end();
                self.state = State::End;
            }
            (state, _) => {
                parts.data(&self.delimiter)?;
                match state {
                    State::DelimiterCr => parts.data(b"\r")?,
                    State::DelimiterHyphen => parts.data(b"-")?,
                    _ => {}
                }
                self.state = State::Data(0);
                return Ok(0);
            }
        }
        Ok(1)
    }
}

#[cfg(test)]
mod tests;

//! The body of an answer: where it ends, and its bytes, at most so many.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use super::error::{AnswerFault, BodyError};
use super::head::{Head, read_line};
use crate::held::{Held, NoRoom};
use crate::received::Received;

/// How the end of a body is told (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// There is none.
    Nothing,
    /// In pieces with their sizes.
    Chunked,
    /// After so many bytes.
    Length(u64),
    /// With the connection.
    Connection,
}

/// Reads the body as it was sent, at most `max_bytes` of it.
pub(super) async fn read_body<S>(
    stream: &mut S,
    head: &Head,
    max_bytes: u64,
    held: &Held,
) -> Result<Bytes, BodyError>
where
    S: AsyncBufRead + Unpin,
{
    let framing = framing(head)?;
    let mut body = Body {
        stream,
        bytes: Received::default(),
        max_bytes,
        held,
    };
    match framing {
        Framing::Nothing => {}
        Framing::Length(length) => body.take(length).await?,
        Framing::Chunked => body.take_chunks().await?,
        Framing::Connection => body.take_all().await?,
    }
    Ok(body.bytes.join())
}

fn framing(head: &Head) -> Result<Framing, AnswerFault> {
    if head.status.is_informational()
        || head.status == StatusCode::NO_CONTENT
        || head.status == StatusCode::NOT_MODIFIED
    {
        return Ok(Framing::Nothing);
    }
    // Whatever the version says, and beside whatever else: no other coding is undone here, as nobody
    // asked for one (`identity` is none).
    let codings = head.list(TRANSFER_ENCODING);
    if codings.split(',').any(|coding| coding.trim() == "chunked") {
        return Ok(Framing::Chunked);
    }
    let announced = head.list(CONTENT_LENGTH);
    let mut lengths = announced.split(',').map(length);
    let Some(Some(first)) = lengths.next() else {
        return Ok(Framing::Connection);
    };
    for other in lengths {
        match other {
            Some(other) if other == first => {}
            Some(_) => return Err(AnswerFault::Lengths),
            None => return Ok(Framing::Connection),
        }
    }
    Ok(Framing::Length(first))
}

/// A length; what is none says nothing, as it says nothing to Python.
fn length(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More than fits is too large for sure.
    Some(digits.parse().unwrap_or(u64::MAX))
}

struct Body<'a, S> {
    stream: &'a mut S,
    bytes: Received,
    max_bytes: u64,
    held: &'a Held,
}

impl<S: AsyncBufRead + Unpin> Body<'_, S> {
    /// As many bytes as were promised. A promise of too many is not waited for.
    async fn take(&mut self, promised: u64) -> Result<(), BodyError> {
        if promised > self.max_bytes - self.bytes.len() as u64 {
            return Err(BodyError::TooLarge);
        }
        let mut left = promised;
        while left > 0 {
            match self.piece(left).await? {
                0 => {
                    return Err(BodyError::Fault(AnswerFault::CutShort {
                        got: promised - left,
                        promised,
                    }));
                }
                length => left -= length,
            }
        }
        Ok(())
    }

    async fn take_all(&mut self) -> Result<(), BodyError> {
        while self.piece(u64::MAX).await? > 0 {
            if self.bytes.len() as u64 > self.max_bytes {
                return Err(BodyError::TooLarge);
            }
        }
        Ok(())
    }

    /// Chunks up to the last one, of no bytes. What may follow it, trailers, is of no use.
    async fn take_chunks(&mut self) -> Result<(), BodyError> {
        let mut line = Vec::new();
        loop {
            if !read_line(self.stream, &mut line).await? {
                return Err(BodyError::Fault(AnswerFault::NoLastChunk));
            }
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = chunk_size(size).ok_or(AnswerFault::ChunkSize)?;
            if size == 0 {
                return Ok(());
            }
            self.take(size).await?;
            // A chunk's data ends with its line.
            if !read_line(self.stream, &mut line).await? {
                return Err(BodyError::Fault(AnswerFault::NoLastChunk));
            }
            if !line.is_empty() {
                return Err(BodyError::Fault(AnswerFault::ChunkSize));
            }
        }
    }

    /// What has arrived, at most `most` bytes of it; their number, 0 at the end of the stream.
    async fn piece(&mut self, most: u64) -> Result<u64, BodyError> {
        let arrived = self.stream.fill_buf().await.map_err(AnswerFault::Broken)?;
        let length = usize::try_from(most).map_or(arrived.len(), |most| arrived.len().min(most));
        let bytes = (self.bytes.len() + length) as u64;
        let counted = bytes.min(self.max_bytes) + Received::SLACK as u64;
        let room = self.held.grow_to(counted).await;
        room.map_err(|NoRoom| BodyError::NoRoom)?;
        self.bytes.push(&arrived[..length]);
        self.stream.consume(length);
        Ok(length as u64)
    }
}

fn chunk_size(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let is_hexadecimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal.then(|| u64::from_str_radix(text, 16).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::fetch::head::read_head;

    fn head(headers: &[(&'static str, &str)]) -> Head {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        Head {
            status: StatusCode::OK,
            headers: map,
        }
    }

    fn of(headers: &[(&'static str, &str)]) -> Option<Framing> {
        framing(&head(headers)).ok()
    }

    #[test]
    fn a_length_that_is_none_says_nothing() {
        for (text, expected) in [
            ("5", Framing::Length(5)),
            (" 5 ", Framing::Length(5)),
            ("5, 5", Framing::Length(5)),
            ("0", Framing::Length(0)),
            ("99999999999999999999999", Framing::Length(u64::MAX)),
            ("-1", Framing::Connection),
            ("5 bytes", Framing::Connection),
            ("0x5", Framing::Connection),
            ("", Framing::Connection),
            ("5,", Framing::Connection),
        ] {
            assert_eq!(of(&[("content-length", text)]), Some(expected), "{text}");
        }
        let same = [("content-length", "5"), ("content-length", "5")];
        assert_eq!(of(&same), Some(Framing::Length(5)));
        assert_eq!(of(&[("content-length", "5, 6")]), None);
        let different = [("content-length", "5"), ("content-length", "6")];
        assert_eq!(of(&different), None);
    }

    #[test]
    fn chunked_wins_over_a_length_and_identity_is_no_coding() {
        let length = ("content-length", "5");
        for text in ["chunked", "Chunked", "gzip, chunked", "chunked, identity"] {
            let headers = [("transfer-encoding", text), length];
            assert_eq!(of(&headers), Some(Framing::Chunked), "{text}");
        }
        for text in ["identity", "gzip", "", "chunky"] {
            let headers = [("transfer-encoding", text), length];
            assert_eq!(of(&headers), Some(Framing::Length(5)), "{text}");
        }
        assert_eq!(of(&[]), Some(Framing::Connection));
    }

    async fn chunks(mut text: &[u8], max_bytes: u64) -> Result<Bytes, BodyError> {
        read_body(
            &mut text,
            &head(&[("transfer-encoding", "chunked")]),
            max_bytes,
            &Held::uncounted(),
        )
        .await
    }

    #[tokio::test]
    async fn chunks_are_taken_with_extensions_trailers_and_capitals() {
        for text in [
            "A;name=\"v\"\r\n0123456789\r\n00\r\nTrailer: t\r\n\r\n",
            "a \r\n0123456789\r\n0\r\n",
            "5\n01234\n5\n56789\n0\n\n",
            "0000000000000000000000a\r\n0123456789\r\n0",
        ] {
            let body = chunks(text.as_bytes(), 10).await.unwrap();
            assert_eq!(body, "0123456789", "{text}");
        }
        for text in ["", "a\r\n0123", "5\r\n01234", "5\r\n01234\r\n"] {
            let error = chunks(text.as_bytes(), 10).await.unwrap_err();
            assert!(matches!(error, BodyError::Fault(_)), "{text}");
        }
        for text in ["x\r\n", "\r\n", "-1\r\n", "5\r\n0123456\r\n0\r\n"] {
            let error = chunks(text.as_bytes(), 10).await.unwrap_err();
            let fault = matches!(error, BodyError::Fault(AnswerFault::ChunkSize));
            assert!(fault, "{text}: {error:?}");
        }
        for text in [
            "b\r\n",
            "fffffffffffffffffffff\r\n",
            "9\r\n012345678\r\n2\r\n",
        ] {
            let error = chunks(text.as_bytes(), 10).await.unwrap_err();
            assert!(matches!(error, BodyError::TooLarge), "{text}: {error:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_an_answer_or_give_more_than_the_limit(
            head in "(HTTP/1\\.[01] [12]00|\\PC*)\r?\n((Content-Length|Transfer-Encoding) ?: ?(chunked|[0-9]*|\\PC*)\r?\n)*\r?\n",
            body in "([0-9a-f]{0,3}\r?\n)*\\PC*",
        ) {
            let text = head + &body;
            let mut text = text.as_bytes();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                if let Ok(head) = read_head(&mut text).await
                    && let Ok(body) = read_body(&mut text, &head, 20, &Held::uncounted()).await
                {
                    prop_assert!(body.len() <= 20);
                }
                Ok(())
            })?;
        }
    }
}

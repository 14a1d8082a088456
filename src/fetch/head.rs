//! The head of an answer, read as Python's `http.client` reads it, which is what servers are tried
//! with: lines may end in LF alone, a reason may be missing, and a line that is no header is passed
//! over.

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use super::error::AnswerFault;

/// The longest line, its end included.
const LONGEST_LINE: usize = 64 << 10;
/// The most header lines of one head.
const MOST_HEADERS: usize = 100;
/// The largest head, all lines together.
const LARGEST_HEAD: usize = 256 << 10;
/// The most heads before the final one (`100 Continue`, `103 Early Hints`).
const MOST_INTERIM_HEADS: usize = 100;

/// Status and headers of an answer.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// All values of a header, joined as if they were one (RFC 9110 §5.3), in lower case.
    pub(super) fn list(&self, name: HeaderName) -> String {
        let values = self.headers.get_all(name).into_iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        values.join(",").to_ascii_lowercase()
    }
}

/// The first head that is no interim one.
pub(super) async fn read_head<S>(stream: &mut S) -> Result<Head, AnswerFault>
where
    S: AsyncBufRead + Unpin,
{
    for _ in 0..=MOST_INTERIM_HEADS {
        let head = read_one(stream).await?;
        // 101 is final: what follows is of a protocol that nobody asked for.
        if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(head);
        }
    }
    Err(AnswerFault::NoFinalAnswer)
}

async fn read_one<S: AsyncBufRead + Unpin>(stream: &mut S) -> Result<Head, AnswerFault> {
    let mut line = Vec::new();
    if !read_line(stream, &mut line).await? {
        return Err(AnswerFault::NoAnswer);
    }
    let status = status(&line).ok_or(AnswerFault::NotHttp)?;
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let (mut lines, mut size) = (0, line.len());
    // As the end of the head counts also the end of the connection.
    while read_line(stream, &mut line).await? && !line.is_empty() {
        lines += 1;
        size += line.len();
        if lines > MOST_HEADERS {
            return Err(AnswerFault::ManyHeaders {
                limit: MOST_HEADERS,
            });
        }
        if size > LARGEST_HEAD {
            return Err(AnswerFault::LargeHead {
                limit: LARGEST_HEAD,
            });
        }
        match fields.last_mut() {
            // A folded line goes on with the one before it (RFC 9112 §5.2).
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                field.push(b' ');
                field.extend_from_slice(line.trim_ascii());
            }
            _ => fields.push(line.clone()),
        }
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields.iter().filter_map(|field| header(field)) {
        headers.append(name, value);
    }
    Ok(Head { status, headers })
}

/// `HTTP/1.1 200 OK`, in any version 1 (and 0.9, which some servers write), with any white space
/// between and nothing of it after the status.
fn status(line: &[u8]) -> Option<StatusCode> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let version = words.next()?.strip_prefix(b"HTTP/")?;
    if !version.starts_with(b"1.") && version != b"0.9" {
        return None;
    }
    StatusCode::from_bytes(words.next()?).ok()
}

/// A name and its value. White space before the colon is not the name's (RFC 9112 §5.1 forbids it,
/// servers write it). What has no colon, or a name or value that cannot be one, is no header.
fn header(field: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = field.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&field[..colon], &field[colon + 1..]);
    Some((
        HeaderName::from_bytes(name.trim_ascii_end()).ok()?,
        HeaderValue::from_bytes(value.trim_ascii()).ok()?,
    ))
}

/// Reads a line, without its CR LF or LF; `false` at the end of the stream. A last line may lack its
/// end.
pub(super) async fn read_line<S>(stream: &mut S, line: &mut Vec<u8>) -> Result<bool, AnswerFault>
where
    S: AsyncBufRead + Unpin,
{
    line.clear();
    let mut limited = stream.take(LONGEST_LINE as u64 + 1);
    let length = limited
        .read_until(b'\n', line)
        .await
        .map_err(AnswerFault::Broken)?;
    if length > LONGEST_LINE {
        return Err(AnswerFault::LongLine {
            limit: LONGEST_LINE,
        });
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(length > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut text: &[u8]) -> Result<Head, AnswerFault> {
        read_head(&mut text).await
    }

    async fn value(head: &str, name: &'static str) -> String {
        let head = read(head.as_bytes()).await.expect("a head");
        head.list(HeaderName::from_static(name))
    }

    #[tokio::test]
    async fn status_lines_are_taken_as_servers_write_them() {
        for (line, status) in [
            ("HTTP/1.1 200 OK", 200),
            ("HTTP/1.1 200", 200),
            ("HTTP/1.1  200   Very  OK ", 200),
            ("HTTP/1.0 404 Not Found", 404),
            ("HTTP/0.9 200 OK", 200),
            ("HTTP/1.2 200 OK", 200),
            ("HTTP/1.1 999 Unknown", 999),
            ("HTTP/1.1 200 \u{e9}", 200),
        ] {
            let head = read(format!("{line}\r\n\r\n").as_bytes()).await.unwrap();
            assert_eq!(head.status.as_u16(), status, "{line}");
        }
        for line in [
            "ICY 200 OK",
            "HTTP/2 200",
            "HTTP/1.1 OK",
            "HTTP/1.1 20",
            "HTTP/1.1 2000",
            "http/1.1 200 OK",
            "\u{89}PNG",
            " ",
        ] {
            let error = read(format!("{line}\r\n\r\n").as_bytes()).await.err();
            assert!(matches!(error, Some(AnswerFault::NotHttp)), "{line}");
        }
    }

    #[tokio::test]
    async fn headers_are_taken_as_servers_write_them() {
        let head = "HTTP/1.1 200 OK\nno colon here\n: no name\nContent-Length : 5\nX-\u{e9}: name\n\
                    X-Name: \u{e9}\nX-Folded: a,\n\t b\nX-Twice: 1\nX-Twice: 2\nX-Nul: \0\nX-Last:z";
        assert_eq!(value(head, "content-length").await, "5");
        assert_eq!(value(head, "x-name").await, "\u{e9}");
        assert_eq!(value(head, "x-folded").await, "a, b");
        assert_eq!(value(head, "x-twice").await, "1,2");
        assert_eq!(value(head, "x-nul").await, "");
        assert_eq!(value(head, "x-last").await, "z", "the end is missing");
    }

    #[tokio::test]
    async fn interim_heads_are_passed_over_but_not_for_ever() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
        let head = read(format!("{interim}{interim}HTTP/1.1 404\r\n\r\n").as_bytes()).await;
        assert_eq!(head.unwrap().status, StatusCode::NOT_FOUND);
        let error = read(interim.repeat(200).as_bytes()).await.err();
        assert!(matches!(error, Some(AnswerFault::NoFinalAnswer)));
    }

    #[tokio::test]
    async fn a_head_has_limits() {
        let head = |headers: String| format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
        let longest = "a".repeat(LONGEST_LINE - "X-L: \r\n".len());
        assert!(read(&head(format!("X-L: {longest}\r\n"))).await.is_ok());
        let longer = read(&head(format!("X-L: {longest}a\r\n"))).await;
        assert!(matches!(longer, Err(AnswerFault::LongLine { .. })));
        assert!(read(&head("X-M: a\r\n".repeat(100))).await.is_ok());
        let more = read(&head("X-M: a\r\n".repeat(101))).await;
        assert!(matches!(more, Err(AnswerFault::ManyHeaders { .. })));
        let large = read(&head(format!("X-L: {}\r\n", "a".repeat(60_000)).repeat(5))).await;
        assert!(matches!(large, Err(AnswerFault::LargeHead { .. })));
    }
}

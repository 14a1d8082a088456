//! One request and its answer over an open connection (HTTP/1.1), under limits.
//!
//! The answer is read by `head` and `body` rather than by hyper, which refuses what servers send and
//! Python's `requests` takes: lengths that are none, chunks in HTTP/1.0, `Transfer-Encoding: identity`
//! beside a length, a head that ends with its connection.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::body::read_body;
use super::coding::{self, Coding};
use super::cookies::Cookies;
use super::error::{AnswerFault, BodyError, FetchError};
use super::head::{Head, read_head};
use super::target::Target;
use crate::held::Held;

/// The largest piece that is read at a time.
const PIECE: usize = 64 << 10;

/// What a hop ends in.
pub(super) enum Answer {
    /// The file as it was sent, and what was done to it, in this order.
    File(Bytes, Vec<Coding>),
    /// Another place to ask, already checked as a URL.
    Redirect(Box<Target>),
}

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) target: &'a Target,
    pub(super) user_agent: &'a HeaderValue,
    pub(super) max_bytes: u64,
    pub(super) held: &'a Held,
}

impl Question<'_> {
    /// Sends the request and reads the answer. The caller bounds the time.
    pub(super) async fn ask<S>(
        &self,
        mut stream: S,
        cookies: &mut Cookies,
    ) -> Result<Answer, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let faulty = |source| FetchError::Protocol {
            host: self.target.name(),
            source,
        };
        let request = self.request(cookies);
        let sent = async {
            stream.write_all(&request).await?;
            stream.flush().await
        };
        sent.await
            .map_err(|error| faulty(AnswerFault::Broken(error)))?;
        let mut stream = BufReader::with_capacity(PIECE, stream);
        let head = read_head(&mut stream).await.map_err(faulty)?;
        cookies.keep(self.target.url(), &head.headers);
        if let Some(location) = redirect_location(&head) {
            return Ok(Answer::Redirect(Box::new(self.target.redirect(&location)?)));
        }
        // Any other status comes with the file, for `requests` at least.
        if head.status.is_client_error() || head.status.is_server_error() {
            return Err(FetchError::Status(head.status));
        }
        let codings = coding::codings(&head)?;
        let body = read_body(&mut stream, &head, self.max_bytes, self.held).await;
        let bytes = body.map_err(|error| match error {
            BodyError::Fault(fault) => faulty(fault),
            BodyError::NoRoom => FetchError::NoRoom,
            BodyError::TooLarge => FetchError::TooLarge {
                limit: self.max_bytes,
            },
        })?;
        Ok(Answer::File(bytes, codings))
    }

    fn request(&self, cookies: &Cookies) -> Vec<u8> {
        let (path, authority) = (self.target.path(), self.target.authority());
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        let mut header = |name: &str, value: &HeaderValue| {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        };
        header("User-Agent", self.user_agent);
        header("Accept-Encoding", &coding::ACCEPTED);
        header("Accept", &HeaderValue::from_static("*/*"));
        // No connection outlives its hop, so a hostile server cannot make this one hoard sockets.
        header("Connection", &HeaderValue::from_static("close"));
        if let Some(cookies) = cookies.header(self.target.url()) {
            header("Cookie", &cookies);
        }
        if let Some(authorization) = self.target.authorization() {
            header("Authorization", authorization);
        }
        request.extend_from_slice(b"\r\n");
        request
    }
}

/// A redirect without a place is no redirect, and its body is the answer.
fn redirect_location(head: &Head) -> Option<String> {
    let redirects = matches!(
        head.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = head.headers.get(LOCATION).filter(|_| redirects)?;
    let location = location.as_bytes().trim_ascii();
    // Servers write UTF-8 there although RFC 9110 §10.2.2 does not, or bytes of an older coding, which
    // only they can read.
    let text = match std::str::from_utf8(location) {
        Ok(text) => text.to_owned(),
        Err(_) => percent_encoding::percent_encode(location, NOT_ASCII).to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// Nothing but what is not ASCII.
const NOT_ASCII: &percent_encoding::AsciiSet = &percent_encoding::AsciiSet::EMPTY;

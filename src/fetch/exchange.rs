//! One request and its answer over an open connection (HTTP/1.1), under limits.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, LOCATION, TRANSFER_ENCODING,
    USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::error::FetchError;
use super::target::Target;

/// The largest head of an answer, in bytes, and the largest piece a body is read in.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// The most header fields of an answer.
const MOST_HEADERS: usize = 100;

/// What a hop ends in.
pub(super) enum Answer {
    /// The file.
    File(Bytes),
    /// Another place to ask, already checked as a URL.
    Redirect(Box<Target>),
}

/// Sends the request and reads the answer, at most `max_bytes` of it. The caller bounds the time.
pub(super) async fn exchange<S>(
    stream: S,
    target: &Target,
    max_bytes: u64,
) -> Result<Answer, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |source| FetchError::Protocol {
        host: target.name(),
        source,
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Its own task moves the bytes; leaving this function for whatever reason (a timeout included)
    // ends it.
    let mut mover = JoinSet::new();
    mover.spawn(connection);

    let request = request(target)?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    if let Some(location) = redirect_location(&response) {
        return Ok(Answer::Redirect(Box::new(target.redirect(&location)?)));
    }
    if !status.is_success() {
        return Err(FetchError::Status(status));
    }
    if is_compressed(&response) {
        return Err(FetchError::Compressed);
    }
    read_body(response.into_body(), target, max_bytes)
        .await
        .map(Answer::File)
}

fn request(target: &Target) -> Result<Request<Empty<Bytes>>, FetchError> {
    Request::get(target.path())
        .header(HOST, target.authority())
        .header(
            USER_AGENT,
            concat!("image-embed/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, "image/*")
        .header(ACCEPT_ENCODING, "identity")
        // No connection outlives its hop, so a hostile server cannot make this one hoard sockets.
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| FetchError::InvalidUrl(error.to_string()))
}

/// A redirect without `Location` is no redirect, and its status is the answer.
fn redirect_location(response: &Response<Incoming>) -> Option<String> {
    matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
    .then(|| response.headers().get(LOCATION))
    .flatten()
    // Servers write UTF-8 there although RFC 9110 §10.2.2 does not; the URL parser escapes it.
    .map(|location| String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// `Content-Encoding` and `Transfer-Encoding` may each compress; hyper itself undoes `chunked` and
/// nothing else.
fn is_compressed(response: &Response<Incoming>) -> bool {
    let codings = |name, harmless: &'static str| {
        response
            .headers()
            .get_all(name)
            .into_iter()
            .any(move |value| {
                let codings = value
                    .as_bytes()
                    .split(|byte| *byte == b',')
                    .map(<[u8]>::trim_ascii);
                codings
                    .filter(|coding| !coding.is_empty())
                    .any(|coding| !coding.eq_ignore_ascii_case(harmless.as_bytes()))
            })
    };
    codings(CONTENT_ENCODING, "identity") || codings(TRANSFER_ENCODING, "chunked")
}

async fn read_body(
    mut body: Incoming,
    target: &Target,
    max_bytes: u64,
) -> Result<Bytes, FetchError> {
    let too_large = || FetchError::TooLarge { limit: max_bytes };
    // The announced length, where there is one, so that nothing of a file too large is read.
    if body.size_hint().lower() > max_bytes {
        return Err(too_large());
    }
    let mut file = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| FetchError::Protocol {
            host: target.name(),
            source,
        })?;
        let Ok(piece) = frame.into_data() else {
            continue;
        }; // trailers
        if (file.len() + piece.len()) as u64 > max_bytes {
            return Err(too_large());
        }
        file.extend_from_slice(&piece);
    }
    if file.is_empty() {
        return Err(FetchError::Empty);
    }
    Ok(file.freeze())
}

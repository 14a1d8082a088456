use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::question::Question;
use super::target::Target;

const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-timeout-ms");

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] axum::http::Error),
    // hyper alone says "error", and what happened is one cause below.
    #[error("the connection failed: {0}{cause}", cause = cause(.0))]
    Exchange(#[from] hyper::Error),
}

fn cause(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(String::new, |cause| format!(": {cause}"))
}

/// What a server answered.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A connection that is kept from one request to the next, and closed when it is dropped.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Moves the bytes; dropped with the connection, it closes the socket whatever is under way.
    _mover: JoinSet<Result<(), hyper::Error>>,
}

impl Connection {
    pub(super) async fn open(target: &Target) -> Result<Self, NoAnswer> {
        let stream = TcpStream::connect(&*target.addresses)
            .await
            .map_err(NoAnswer::Connect)?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut mover = JoinSet::new();
        mover.spawn(connection);
        Ok(Self {
            sender,
            _mover: mover,
        })
    }

    /// Whether another request can be sent, which the server may have decided otherwise.
    pub(super) async fn is_open(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    pub(super) async fn ask(
        &mut self,
        target: &Target,
        question: &Question,
        timeout_ms: Option<&HeaderValue>,
    ) -> Result<Reply, NoAnswer> {
        let mut request = Request::post(&target.path)
            .header(HOST, &target.host)
            .header(
                USER_AGENT,
                concat!("image-embed-load/", env!("CARGO_PKG_VERSION")),
            )
            .header(CONTENT_TYPE, &question.content_type);
        if let Some(timeout_ms) = timeout_ms {
            request = request.header(TIMEOUT_MS, timeout_ms);
        }
        if let Some(authorization) = &target.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(question.body.clone()))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Reply { status, body })
    }
}

//! Why an image could not be fetched.

use std::io;
use std::time::Duration;

use hyper::StatusCode;
use tokio_rustls::rustls::{self, CertificateError};

/// Why an image could not be fetched. The text completes "Could not download image from URL: …" and
/// may be shown to whoever sent the URL: it never holds an address that a name resolved to, nor
/// anything a server wrote besides its status.
///
/// Hosts are written as in the URL. Causes (`source`) are for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text, or the address a redirect leads to, is not an absolute URL with a host.
    #[error("the URL is not valid: {0}")]
    InvalidUrl(String),
    /// The images of other requests take all the memory there is for them.
    #[error("there is no memory for it at the moment; try again shortly")]
    NoRoom,
    /// Neither http nor https.
    #[error("the scheme '{scheme}' is not supported, only http and https are")]
    UnsupportedScheme {
        /// The URL's scheme, lower case.
        scheme: String,
    },
    /// What the text begins with is a host or a path rather than a scheme.
    #[error("the URL has no scheme; perhaps 'https://' is missing at its beginning")]
    NoScheme,
    /// A `data:` URL.
    #[error("a data: URL cannot be downloaded; upload the image instead")]
    DataUrl,
    /// The name could not be resolved, or has no address.
    #[error("the host name '{host}' could not be resolved")]
    Unresolved {
        /// The URL's host.
        host: String,
        /// What the resolver said, if it said anything.
        source: Option<io::Error>,
    },
    /// At least one of the host's addresses is not public, and no allow rule covers it.
    #[error(
        "the address of '{host}' is not public, and --fetch-allow (IMAGE_EMBED_FETCH_ALLOW) does not name it"
    )]
    NotPublic {
        /// The URL's host.
        host: String,
    },
    /// No connection: refused, unreachable, reset.
    #[error("could not connect to '{host}': {}", .source.kind())]
    Connect {
        /// The URL's host.
        host: String,
        /// The last attempt's error.
        source: io::Error,
    },
    /// Lookup, connection and TLS handshake took too long.
    #[error("no connection to '{host}' within {limit:?}")]
    ConnectTimeout {
        /// The URL's host.
        host: String,
        /// The policy's connect timeout.
        limit: Duration,
    },
    /// TLS could not be set up on this machine.
    #[error("https is not available on the service's machine")]
    TlsSetup(#[source] io::Error),
    /// The TLS handshake failed: a wrong or unknown certificate, no common version, not TLS at all.
    #[error("the TLS handshake with '{host}' failed: {}", tls_reason(.source))]
    Tls {
        /// The URL's host.
        host: String,
        /// What rustls found.
        source: io::Error,
    },
    /// The answer is not HTTP, is cut short, or its head is too large.
    #[error("'{host}' gave an incomplete or malformed HTTP answer: {source}")]
    Protocol {
        /// The URL's host.
        host: String,
        /// What is wrong with it.
        source: AnswerFault,
    },
    /// An answer that says that there is no file (4xx, 5xx).
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// One redirect more than the policy follows (a loop ends here too).
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// The policy's number of redirects.
        limit: usize,
    },
    /// The body is compressed and cannot be made what it was.
    #[error(transparent)]
    Coding(CodingError),
    /// The body is larger than the policy allows, or says it will be.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The policy's size.
        limit: u64,
    },
    /// The body has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The whole fetch took too long.
    #[error("the download took longer than {limit:?}")]
    Timeout {
        /// The policy's total timeout.
        limit: Duration,
    },
}

/// What is wrong with the form of an answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    /// The connection ended before the answer began.
    #[error("the connection ended without an answer")]
    NoAnswer,
    /// The first line is no status line of HTTP/1.
    #[error("it does not begin as HTTP/1 does")]
    NotHttp,
    /// There were only interim answers (1xx).
    #[error("a final answer does not come")]
    NoFinalAnswer,
    /// A line of the head, or before a chunk, is too long.
    #[error("a line is longer than {limit} bytes")]
    LongLine {
        /// The longest that is read.
        limit: usize,
    },
    /// The head has too many lines.
    #[error("there are more than {limit} headers")]
    ManyHeaders {
        /// The most that are read.
        limit: usize,
    },
    /// The head is too large.
    #[error("the headers have more than {limit} bytes")]
    LargeHead {
        /// The most that are read.
        limit: usize,
    },
    /// Several lengths that differ.
    #[error("its Content-Lengths contradict each other")]
    Lengths,
    /// What should be a chunk's size, or the end of a chunk, is none.
    #[error("its chunks are malformed")]
    ChunkSize,
    /// The body has fewer bytes than were promised.
    #[error("it ended after {got} of {promised} bytes")]
    CutShort {
        /// How many came.
        got: u64,
        /// How many should have come.
        promised: u64,
    },
    /// The connection ended before the last chunk.
    #[error("it ended before its last chunk")]
    NoLastChunk,
    /// The connection broke.
    #[error("the connection broke: {}", .0.kind())]
    Broken(#[source] io::Error),
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Fault(#[from] AnswerFault),
    #[error("the body is too large")]
    TooLarge,
    #[error("there is no memory for the body")]
    NoRoom,
}

/// Why what a content coding did could not be undone.
#[derive(Debug, thiserror::Error)]
pub enum CodingError {
    /// More codings on top of each other than are undone.
    #[error("the server compressed the file more than {limit} times")]
    Many {
        /// The most that are undone.
        limit: usize,
    },
    /// The bytes are not what the coding makes, or a checksum is wrong.
    #[error("the server's {coding} compression of the file is damaged")]
    Damaged {
        /// The coding's name in HTTP.
        coding: &'static str,
        /// What the decoder found.
        source: io::Error,
    },
    /// Decompressed, the file is larger than the policy allows.
    #[error("decompressed, the file is larger than {limit} bytes")]
    TooLarge {
        /// The policy's size.
        limit: u64,
    },
}

impl From<CodingError> for FetchError {
    fn from(error: CodingError) -> Self {
        match error {
            CodingError::TooLarge { limit } => Self::TooLarge { limit },
            error => Self::Coding(error),
        }
    }
}

/// What rustls found, as far as the certificate is to blame.
fn tls_reason(error: &io::Error) -> &'static str {
    let found = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(fault)) = found else {
        return "the server does not speak TLS as it should";
    };
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        // A bad signature: the issuer has the name of one that is trusted, and is not it. Any other
        // fault: most of all, the certificate signs itself as an authority's.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::Other(_) => {
            "its certificate is of no authority that is trusted here (SSL_CERT_FILE can name more)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate is not valid",
    }
}

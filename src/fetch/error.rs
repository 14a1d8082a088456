//! Why an image could not be fetched.

use std::io;
use std::time::Duration;

use hyper::StatusCode;

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
    /// Neither http nor https.
    #[error("the scheme '{scheme}' is not supported, only http and https are")]
    UnsupportedScheme {
        /// The URL's scheme, lower case.
        scheme: String,
    },
    /// The URL carries credentials, which this service does not send anywhere.
    #[error("a user name or password in the URL is not supported")]
    UserInfo,
    /// The name could not be resolved, or has no address.
    #[error("the host name '{host}' could not be resolved")]
    Unresolved {
        /// The URL's host.
        host: String,
        /// What the resolver said, if it said anything.
        source: Option<io::Error>,
    },
    /// At least one of the host's addresses is not public, and no allow rule covers it.
    #[error("the address of '{host}' is not public")]
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
    #[error("the TLS handshake with '{host}' failed")]
    Tls {
        /// The URL's host.
        host: String,
        /// What rustls found.
        source: io::Error,
    },
    /// The answer is not HTTP, is cut short, or its head is too large.
    #[error("'{host}' gave an incomplete or malformed HTTP answer")]
    Protocol {
        /// The URL's host.
        host: String,
        /// What hyper found.
        source: hyper::Error,
    },
    /// An answer other than 2xx and a redirect.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// One redirect more than the policy follows (a loop ends here too).
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// The policy's number of redirects.
        limit: usize,
    },
    /// The body is compressed although `identity` was asked for; inflating it could yield any size.
    #[error("the server sent a compressed answer, which is not supported")]
    Compressed,
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

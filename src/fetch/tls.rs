//! The TLS client: rustls over ring, set up when https is first asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;

use super::error::FetchError;
use super::target::Target;
use super::verifier::Verifier;

/// Lazy, so that a machine that never fetches over https starts no slower for it.
#[derive(Default)]
pub(super) struct Tls {
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    /// The handshake, the server's certificate checked against the target's host.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        target: &Target,
    ) -> Result<RaggedEnd<TlsStream<TcpStream>>, FetchError> {
        let connector = self.connector.get_or_try_init(load_connector).await?;
        let failed = |source| FetchError::Tls {
            host: target.name(),
            source,
        };
        let name = server_name(target.host()).map_err(failed)?;
        let stream = connector.connect(name, stream).await.map_err(failed)?;
        Ok(RaggedEnd(stream))
    }
}

async fn load_connector() -> Result<TlsConnector, FetchError> {
    // Reads and parses some 150 certificates: not on an async thread.
    tokio::task::spawn_blocking(build_connector)
        .await
        .unwrap_or_else(|panicked| Err(FetchError::TlsSetup(io::Error::other(panicked))))
}

fn build_connector() -> Result<TlsConnector, FetchError> {
    // The provider is named, not taken from the process: another crate may install its own.
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider))
        .map_err(|error| FetchError::TlsSetup(io::Error::other(error)))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::TlsSetup(io::Error::other(error)))?
        .dangerous() // rustls's word for a verifier of one's own
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn server_name(host: &Host) -> io::Result<ServerName<'static>> {
    match host {
        Host::Domain(name) => {
            // RFC 6066 §3: the name goes out without its last dot.
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map_err(io::Error::other)
        }
        Host::Ipv4(address) => Ok(ServerName::from(std::net::IpAddr::V4(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(std::net::IpAddr::V6(*address))),
    }
}

/// A stream whose end counts as one although TLS did not announce it, as many servers do not. A file
/// of known length that is cut short is noticed all the same.
pub(super) struct RaggedEnd<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for RaggedEnd<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_read(context, room)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RaggedEnd<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

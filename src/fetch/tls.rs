//! The TLS client: rustls over ring, set up when https is first asked for.

use std::io;
use std::sync::Arc;

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
use crate::root_certificates;

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
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        let connector = self.connector.get_or_try_init(load_connector).await?;
        let failed = |source| FetchError::Tls {
            host: target.name(),
            source,
        };
        let name = server_name(target.host()).map_err(failed)?;
        connector.connect(name, stream).await.map_err(failed)
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
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::TlsSetup(io::Error::other(error)))?
        .with_root_certificates(root_certificates::for_rustls())
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

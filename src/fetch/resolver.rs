//! From a URL's host to the addresses that may be dialled.
//!
//! The addresses that leave here are the ones that `dial` opens sockets to: no name is looked up a
//! second time, so a name server that changes its answer between check and use (DNS rebinding)
//! gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;

use url::Host;

use super::error::FetchError;
use super::lookups::Lookups;
use super::policy::FetchPolicy;
use super::target::Target;

/// What a [`Resolve`] is waited for.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks names up. A trait so that tests can answer as a hostile name server would.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of a host name, in the order in which they should be tried.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// Names that are looked up at a time.
const MOST_LOOKUPS: usize = 32;

/// The operating system's resolver (`getaddrinfo`), with its hosts file, search domains and caches.
pub struct SystemResolver(Lookups);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Lookups::new(MOST_LOOKUPS, |host| {
            let addresses = (host, 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        }))
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(self.0.addresses(host))
    }
}

/// The target's addresses, if *all* of them may be dialled. One that may not condemns the name: an
/// honest name has no reason to point at both sides of the fence.
pub(super) async fn permitted_addresses(
    resolver: &dyn Resolve,
    policy: &FetchPolicy,
    target: &Target,
) -> Result<Vec<SocketAddr>, FetchError> {
    let unresolved = |source| FetchError::Unresolved {
        host: target.name(),
        source,
    };
    let addresses = match target.host() {
        Host::Domain(name) => resolver
            .resolve(name)
            .await
            .map_err(|error| unresolved(Some(error)))?,
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
    };
    if addresses.is_empty() {
        return Err(unresolved(None));
    }
    for address in &addresses {
        if !policy.permits(target.host(), target.port(), *address) {
            // The operator may know the address; the error, which travels to the client, does not
            // carry it.
            tracing::info!(host = %target.host(), %address, "refused: the address is not public");
            return Err(FetchError::NotPublic {
                host: target.name(),
            });
        }
    }
    Ok(addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, target.port()))
        .collect())
}

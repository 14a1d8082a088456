//! Fetches images from URLs that strangers chose, without becoming their way into this network
//! (SSRF).
//!
//! Each hop of a fetch runs the same four steps: [`Target`] checks what the URL says, [`resolver`]
//! turns its host into addresses and refuses the hop unless all of them are public or allowed,
//! `dial` connects to those very addresses, `exchange` asks and reads. A redirect only yields the
//! next hop's URL. There is no connection pool, no proxy, no cookie, no referrer and no
//! decompression, so nothing reaches a socket by another way.
//!
//! A redirect from https to http is followed, as the Python service's client does: what leaves this
//! machine is a public URL, and what comes back is judged as an image, whoever sent it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::timeout;

pub mod address_guard;
mod allow_rule;
mod dial;
mod error;
mod exchange;
mod lookups;
mod network;
mod policy;
pub mod resolver;
mod target;
mod tls;

pub use allow_rule::{AllowRule, AllowRuleError};
pub use error::FetchError;
pub use network::{Network, NetworkError};
pub use policy::{FetchPolicy, PolicyError};
pub use target::Target;
pub use url::Host;

use exchange::Answer;
use resolver::{Resolve, SystemResolver};
use tls::Tls;

/// Fetches files by URL, under one policy. Clones share everything.
#[derive(Clone)]
pub struct Fetcher {
    policy: Arc<FetchPolicy>,
    resolver: Arc<dyn Resolve>,
    tls: Arc<Tls>,
}

impl Fetcher {
    /// A fetcher that asks the system's resolver. Opens nothing and reads no file yet.
    pub fn new(policy: FetchPolicy) -> Result<Self, PolicyError> {
        Self::with_resolver(policy, SystemResolver::default())
    }

    /// A fetcher with another resolver. What it answers is guarded no less.
    pub fn with_resolver(policy: FetchPolicy, resolver: impl Resolve) -> Result<Self, PolicyError> {
        policy.validate()?;
        Ok(Self {
            policy: Arc::new(policy),
            resolver: Arc::new(resolver),
            tls: Arc::new(Tls::default()),
        })
    }

    /// The body that the URL, or where it redirects to, answers with: at least one byte and at most
    /// the policy's `max_bytes`.
    ///
    /// Must run inside a tokio runtime with time and I/O enabled. Dropping the future ends the
    /// fetch.
    pub async fn get(&self, url: &str) -> Result<Bytes, FetchError> {
        let limit = self.policy.total_timeout;
        let fetched = timeout(limit, self.follow(url)).await;
        fetched.unwrap_or(Err(FetchError::Timeout { limit }))
    }

    async fn follow(&self, url: &str) -> Result<Bytes, FetchError> {
        let mut target = Target::parse(url)?;
        let mut redirects = 0;
        loop {
            match self.hop(&target).await? {
                Answer::File(bytes) => return Ok(bytes),
                Answer::Redirect(_) if redirects == self.policy.max_redirects => {
                    return Err(FetchError::TooManyRedirects { limit: redirects });
                }
                Answer::Redirect(next) => target = *next,
            }
            redirects += 1;
        }
    }

    async fn hop(&self, target: &Target) -> Result<Answer, FetchError> {
        let max_bytes = self.policy.max_bytes;
        let limit = self.policy.connect_timeout;
        let too_late = |_| FetchError::ConnectTimeout {
            host: target.name(),
            limit,
        };
        // One deadline for all that precedes the request.
        let deadline = tokio::time::Instant::now() + limit;
        let connecting = async {
            let addresses =
                resolver::permitted_addresses(&*self.resolver, &self.policy, target).await?;
            dial::dial(&addresses)
                .await
                .map_err(|source| FetchError::Connect {
                    host: target.name(),
                    source,
                })
        };
        let stream = tokio::time::timeout_at(deadline, connecting)
            .await
            .map_err(too_late)??;
        if !target.is_https() {
            return exchange::exchange(stream, target, max_bytes).await;
        }
        let handshake = self.tls.handshake(stream, target);
        let stream = tokio::time::timeout_at(deadline, handshake)
            .await
            .map_err(too_late)??;
        exchange::exchange(stream, target, max_bytes).await
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

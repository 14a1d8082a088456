//! Fetches images from URLs that strangers chose, without becoming their way into this network
//! (SSRF).
//!
//! Each hop of a fetch runs the same four steps: [`Target`] checks what the URL says, [`resolver`]
//! turns its host into addresses and refuses the hop unless all of them are public or allowed,
//! `dial` connects to those very addresses, `exchange` asks and reads. A redirect only yields the
//! next hop's URL. There is no connection pool, no proxy and no referrer, so nothing reaches a socket
//! by another way. What is compressed is decompressed under the limit that holds for any file
//! (`coding`), and cookies last for one chain of redirects (`cookies`).
//!
//! In everything else the measure is Python's `requests`, which the service replaced has servers
//! tried with: `tests/fetch/answers.json` holds what it takes and what it refuses.
//!
//! A redirect from https to http is followed, as the Python service's client does: what leaves this
//! machine is a public URL, and what comes back is judged as an image, whoever sent it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::timeout;

pub mod address_guard;
mod allow_rule;
mod body;
mod coding;
mod cookies;
mod dial;
mod error;
mod exchange;
mod head;
mod lookups;
mod network;
mod policy;
pub mod resolver;
mod target;
mod tls;
mod verifier;

pub use allow_rule::{AllowRule, AllowRuleError};
pub use error::{AnswerFault, CodingError, FetchError};
pub use network::{Network, NetworkError};
pub use policy::{DEFAULT_USER_AGENT, FetchPolicy, PolicyError};
pub use target::Target;
pub use url::Host;

use crate::held::{Held, NoRoom};
use coding::Decoder;
use cookies::Cookies;
use exchange::{Answer, Question};
use resolver::{Resolve, SystemResolver};
use tls::Tls;

/// Fetches files by URL, under one policy. Clones share everything.
#[derive(Clone)]
pub struct Fetcher {
    policy: Arc<FetchPolicy>,
    resolver: Arc<dyn Resolve>,
    tls: Arc<Tls>,
    decoder: Decoder,
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
            decoder: Decoder::default(),
        })
    }

    /// The body that the URL, or where it redirects to, answers with: at least one byte and at most
    /// the policy's `max_bytes`.
    ///
    /// Must run inside a tokio runtime with time and I/O enabled. Dropping the future ends the
    /// fetch.
    pub async fn get(&self, url: &str) -> Result<Bytes, FetchError> {
        self.get_held(url, &Held::uncounted()).await
    }

    /// The same, with the bytes counted in `held` as they arrive.
    pub async fn get_held(&self, url: &str, held: &Held) -> Result<Bytes, FetchError> {
        let limit = self.policy.total_timeout;
        let fetched = timeout(limit, self.follow(url, held)).await;
        fetched.unwrap_or(Err(FetchError::Timeout { limit }))
    }

    async fn follow(&self, url: &str, held: &Held) -> Result<Bytes, FetchError> {
        let mut target = Target::parse(url)?;
        let mut cookies = Cookies::default();
        let mut redirects = 0;
        loop {
            match self.hop(&target, &mut cookies, held).await? {
                Answer::File(bytes, codings) => {
                    let max_bytes = self.policy.max_bytes;
                    let bytes = self.decoder.undo(codings, bytes, max_bytes).await?;
                    let room = held.grow_to(bytes.len() as u64).await;
                    room.map_err(|NoRoom| FetchError::NoRoom)?;
                    return if bytes.is_empty() {
                        Err(FetchError::Empty)
                    } else {
                        Ok(bytes)
                    };
                }
                Answer::Redirect(_) if redirects == self.policy.max_redirects => {
                    return Err(FetchError::TooManyRedirects { limit: redirects });
                }
                Answer::Redirect(next) => target = *next,
            }
            redirects += 1;
        }
    }

    async fn hop(
        &self,
        target: &Target,
        cookies: &mut Cookies,
        held: &Held,
    ) -> Result<Answer, FetchError> {
        let question = Question {
            target,
            user_agent: &self.policy.user_agent,
            max_bytes: self.policy.max_bytes,
            held,
        };
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
            return question.ask(stream, cookies).await;
        }
        let handshake = self.tls.handshake(stream, target);
        let stream = tokio::time::timeout_at(deadline, handshake)
            .await
            .map_err(too_late)??;
        question.ask(stream, cookies).await
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

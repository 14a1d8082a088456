//! The fetcher against servers on the loopback interface: honest ones, hostile ones, and name
//! servers that lie.

mod addresses;
mod answers;
mod credentials;
mod environment;
mod limits;
mod redirects;
mod requests;
mod server;

use std::time::Duration;

use image_embed::fetch::{FetchPolicy, Fetcher};

/// What an honest server sends as an image.
const IMAGE: &[u8] = b"\x89PNG, let us say";

/// A policy with these allow rules and times short enough for tests.
fn policy(allow: &[&str]) -> FetchPolicy {
    FetchPolicy {
        allow: allow
            .iter()
            .map(|rule| rule.parse().expect("a rule"))
            .collect(),
        max_bytes: 100_000,
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(10),
        ..FetchPolicy::default()
    }
}

/// A fetcher that may fetch from the loopback interface.
fn fetcher() -> Fetcher {
    Fetcher::new(policy(&["127.0.0.0/8"])).expect("a policy")
}

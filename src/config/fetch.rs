use std::time::Duration;

use clap::Args;
use hyper::header::HeaderValue;

use crate::fetch::{AllowRule, DEFAULT_USER_AGENT, FetchPolicy};

/// 32 MiB.
pub const DEFAULT_MAX_IMAGE_BYTES: u64 = 32 << 20;

/// How images are fetched by URL.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Fetching images by URL")]
pub struct FetchSettings {
    /// Networks, addresses or host names that may be fetched from although they are not public, e.g.
    /// `192.168.1.0/24,nas.local:8080`
    #[arg(
        long,
        env = "IMAGE_EMBED_FETCH_ALLOW",
        value_name = "PLACE",
        value_delimiter = ','
    )]
    pub fetch_allow: Vec<AllowRule>,

    /// Seconds a connection may take to be made
    #[arg(long, env = "IMAGE_EMBED_FETCH_CONNECT_TIMEOUT", value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub fetch_connect_timeout: u64,

    /// Seconds a whole fetch may take, redirects included
    #[arg(long, env = "IMAGE_EMBED_FETCH_TIMEOUT", value_name = "SECONDS", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub fetch_timeout: u64,

    /// Redirects that are followed
    #[arg(
        long,
        env = "IMAGE_EMBED_FETCH_MAX_REDIRECTS",
        value_name = "N",
        default_value_t = 30
    )]
    pub fetch_max_redirects: usize,

    /// What servers are told of who asks; name a page or an address where you can be reached, as large
    /// sites refuse strangers
    #[arg(long, env = "IMAGE_EMBED_FETCH_USER_AGENT", value_name = "TEXT", default_value = DEFAULT_USER_AGENT,
          value_parser = user_agent)]
    pub fetch_user_agent: HeaderValue,

    /// Largest image file that is accepted, downloaded or uploaded, in bytes
    #[arg(long, env = "IMAGE_EMBED_MAX_IMAGE_BYTES", value_name = "BYTES", default_value_t = DEFAULT_MAX_IMAGE_BYTES,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub max_image_bytes: u64,
}

impl FetchSettings {
    /// The fetcher's policy.
    #[must_use]
    pub fn policy(&self) -> FetchPolicy {
        FetchPolicy {
            allow: self.fetch_allow.clone(),
            max_bytes: self.max_image_bytes,
            max_redirects: self.fetch_max_redirects,
            user_agent: self.fetch_user_agent.clone(),
            connect_timeout: Duration::from_secs(self.fetch_connect_timeout),
            total_timeout: Duration::from_secs(self.fetch_timeout),
        }
    }
}

/// The longest `User-Agent`: servers refuse heads that are much longer.
const LONGEST_USER_AGENT: usize = 1024;

fn user_agent(text: &str) -> Result<HeaderValue, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > LONGEST_USER_AGENT {
        return Err(format!("it is longer than {LONGEST_USER_AGENT} characters"));
    }
    let printable = |character: char| character.is_ascii_graphic() || character == ' ';
    match text.chars().find(|character| !printable(*character)) {
        Some(other) => Err(format!(
            "{other:?} cannot be in it, only printable ASCII can"
        )),
        None => HeaderValue::from_str(text).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_printable_ascii() {
        assert_eq!(user_agent(" a/1 (b@c.test) ").unwrap(), "a/1 (b@c.test)");
        for text in [
            "",
            "  ",
            "a\r\nHost: b",
            "a\tb",
            "caf\u{e9}",
            &"a".repeat(1025),
        ] {
            assert!(user_agent(text).is_err(), "{text:?}");
        }
        assert_eq!(user_agent(DEFAULT_USER_AGENT).unwrap(), DEFAULT_USER_AGENT);
    }
}

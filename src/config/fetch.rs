use std::time::Duration;

use clap::Args;

use crate::fetch::{AllowRule, FetchPolicy};

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
        default_value_t = 5
    )]
    pub fetch_max_redirects: usize,

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
            connect_timeout: Duration::from_secs(self.fetch_connect_timeout),
            total_timeout: Duration::from_secs(self.fetch_timeout),
        }
    }
}

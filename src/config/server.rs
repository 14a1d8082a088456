use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use engine::{Lineup, Model, UnknownModel};

use crate::http::HttpLimits;

/// A client that stops sending in the middle of an upload is given up after so long.
const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the server listens and what it takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct ServerSettings {
    /// Address or name to listen on; `0.0.0.0` serves the whole network
    #[arg(long, env = "IMAGE_EMBED_HOST", default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on
    #[arg(long, env = "IMAGE_EMBED_PORT", default_value_t = 8000)]
    pub port: u16,

    /// Models to load at start: `all`, `none`, or names with commas between, as `image-embed models list` has them
    #[arg(
        long,
        env = "IMAGE_EMBED_PRELOAD",
        default_value = "all",
        value_name = "MODELS"
    )]
    pub preload: Preload,

    /// Seconds after which a model that nobody asks for gives its memory back, until it is asked for again [default: never]
    #[arg(long, env = "IMAGE_EMBED_MODEL_TTL", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub model_ttl: Option<u64>,

    /// Tasks in one request
    #[arg(
        long,
        env = "IMAGE_EMBED_MAX_TASKS",
        value_name = "N",
        default_value = "256"
    )]
    pub max_tasks: NonZeroUsize,

    /// Skip a task that has a key nobody reads, rather than pass over the key
    #[arg(long, env = "IMAGE_EMBED_STRICT", value_parser = BoolishValueParser::new())]
    pub strict: bool,

    /// Analysis requests at a time; the next one is answered 429
    #[arg(
        long,
        env = "IMAGE_EMBED_MAX_IN_FLIGHT",
        value_name = "N",
        default_value = "64"
    )]
    pub max_in_flight: NonZeroUsize,

    /// Connections at a time; the next one waits
    #[arg(
        long,
        env = "IMAGE_EMBED_MAX_CONNECTIONS",
        value_name = "N",
        default_value = "1024"
    )]
    pub max_connections: NonZeroUsize,

    /// Seconds after which an unfinished request is answered 504; a client may ask for less with `x-timeout-ms`. A request that
    /// would not be finished by then is answered 429 at once
    #[arg(long, env = "IMAGE_EMBED_REQUEST_TIMEOUT", value_name = "SECONDS", default_value_t = 120,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub request_timeout: u64,

    /// Seconds that requests have to finish after SIGTERM
    #[arg(
        long,
        env = "IMAGE_EMBED_SHUTDOWN_GRACE",
        value_name = "SECONDS",
        default_value_t = 30
    )]
    pub shutdown_grace: u64,
}

impl ServerSettings {
    /// What the router enforces.
    #[must_use]
    pub fn limits(&self, max_image_bytes: u64) -> HttpLimits {
        HttpLimits {
            max_tasks: self.max_tasks.get(),
            strict: self.strict,
            max_image_bytes: usize::try_from(max_image_bytes).unwrap_or(usize::MAX),
            max_in_flight: self.max_in_flight.get(),
            body_idle_timeout: BODY_IDLE_TIMEOUT,
            request_timeout: Duration::from_secs(self.request_timeout),
            max_connections: self.max_connections.get(),
            shutdown_grace: Duration::from_secs(self.shutdown_grace),
        }
    }
}

/// Models to load before the first request: names, of which only the lineup knows what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preload(Vec<String>);

impl FromStr for Preload {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let names = text.split(',').map(|name| name.trim().to_owned());
        Ok(Self(names.collect()))
    }
}

impl Preload {
    /// The models, in their order.
    ///
    /// # Errors
    /// [`UnknownModel`] if a name is not of a model in `lineup`.
    pub fn models(&self, lineup: &Lineup) -> Result<Vec<Model>, UnknownModel> {
        match &self.0[..] {
            [all] if all == "all" => Ok(lineup.models().collect()),
            [none] if none == "none" => Ok(Vec::new()),
            names => names.iter().map(|name| lineup.find(name)).collect(),
        }
    }
}

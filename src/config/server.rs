use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use engine::{Lineup, Model, UnknownModel};

use crate::http::{HttpLimits, Origins, Sites};

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

    /// Names, with commas between, that requests may be for besides this machine's own; without any, a server that listens on
    /// 127.0.0.1 takes none, and one that listens on the network takes all
    #[arg(
        long,
        env = "IMAGE_EMBED_ALLOWED_HOSTS",
        value_delimiter = ',',
        value_name = "NAME,…"
    )]
    pub allowed_hosts: Vec<String>,

    /// Sites whose pages may ask and read answers, e.g. `https://photos.example.com`, with commas between; `*` for all
    #[arg(long, env = "IMAGE_EMBED_CORS_ORIGINS", value_name = "ORIGIN,…")]
    pub cors_origins: Option<Sites>,

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

    /// Bytes of the crops that one answer shows; those of further tasks are left out
    #[arg(
        long,
        env = "IMAGE_EMBED_MAX_CROP_BYTES",
        value_name = "BYTES",
        default_value_t = 256 << 20
    )]
    pub max_crop_bytes: usize,

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

    /// Connections at a time; on a few more, `/health` and `/ready` are answered, and all else is 503
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

    /// Seconds after which a client that sends nothing more of its request, or takes next to nothing of its answer, is cut off
    #[arg(long, env = "IMAGE_EMBED_BODY_IDLE_TIMEOUT", value_name = "SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub body_idle_timeout: u64,

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
    /// Whom browsers may come from, on a server that listens on `address`.
    #[must_use]
    pub fn origins(&self, address: IpAddr) -> Origins {
        let sites = self.cors_origins.clone().unwrap_or_default();
        Origins::new(address, &self.allowed_hosts, sites)
    }

    /// What the router enforces.
    #[must_use]
    pub fn limits(&self, max_image_bytes: u64, encoded_bytes: u64) -> HttpLimits {
        HttpLimits {
            max_tasks: self.max_tasks.get(),
            strict: self.strict,
            max_image_bytes: usize::try_from(max_image_bytes).unwrap_or(usize::MAX),
            encoded_bytes,
            max_crop_bytes: self.max_crop_bytes,
            max_in_flight: self.max_in_flight.get(),
            body_idle_timeout: Duration::from_secs(self.body_idle_timeout),
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

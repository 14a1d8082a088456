//! The training site over HTTP.

use std::time::Duration;

use anyhow::{Context as _, bail};
use ureq::Agent;
use ureq::tls::TlsConfig;

use super::listing;
use super::made_by::{MadeBy, SiteModels};
use super::source::{Collection, Focus, Source};
use super::training_data::TrainingData;
use crate::root_certificates;

/// An answer without which the site is taken for dead.
const STALL: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer that is read: some 100,000 embeddings of 1,280 numbers.
const MAX_BYTES: u64 = 2 << 30;
/// What is waited before each further try, where trying again may help.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The operator's own site, or one that they name: not an address out of a request.
pub(super) struct Site {
    base: String,
    focus: Focus,
    models: SiteModels,
    agent: Agent,
}

impl Site {
    pub(super) fn new(base: &str, focus: Focus, models: SiteModels) -> Self {
        let tls = TlsConfig::builder().root_certs(root_certificates::for_ureq());
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .user_agent(concat!("image-embed/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(STALL))
            .timeout_per_read(Some(STALL))
            .build();
        Self {
            base: base.trim_end_matches('/').to_owned(),
            focus,
            models,
            agent: agent.into(),
        }
    }

    fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}/{path}", self.base);
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.try_to_get(&url) {
                Ok(Answer::Body(body)) => return Ok(body),
                Ok(Answer::Refused(status)) => bail!("{url} answered {status}"),
                Ok(Answer::Broken(status)) => anyhow::anyhow!("{url} answered {status}"),
                Err(error) => anyhow::Error::new(error).context(format!("cannot get {url}")),
            };
            let Some(&pause) = pauses.next() else {
                return Err(error);
            };
            tracing::warn!("{error:#}; trying again");
            std::thread::sleep(pause);
        }
    }

    fn try_to_get(&self, url: &str) -> Result<Answer, ureq::Error> {
        let mut response = self.agent.get(url).call()?;
        let status = response.status().as_u16();
        match status {
            200..300 => {
                let body = response.body_mut().with_config().limit(MAX_BYTES);
                body.read_to_vec().map(Answer::Body)
            }
            408 | 429 | 500.. => Ok(Answer::Broken(status)),
            _ => Ok(Answer::Refused(status)),
        }
    }
}

enum Answer {
    Body(Vec<u8>),
    /// Trying again may help.
    Broken(u16),
    /// It will not.
    Refused(u16),
}

impl Source for Site {
    fn collections(&self) -> anyhow::Result<Vec<Collection>> {
        let list = self.get("collections.json")?;
        listing::parse(&list, &self.focus)
            .with_context(|| format!("{}/collections.json", self.base))
    }

    fn training_data(&self, collection: u64) -> anyhow::Result<TrainingData> {
        TrainingData::parse(&self.get(&format!("collections/{collection}/training_data.json"))?)
    }

    fn made_by(&self, embedding_type: &str) -> MadeBy {
        self.models.of(embedding_type)
    }
}

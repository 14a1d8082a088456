//! The Hub's protocol: what `/<repo>/resolve/<revision>/<file>` says of a file before it is fetched.

use ureq::http::HeaderMap;

use crate::catalog::HubFile;
use crate::config::StoreConfig;
use crate::http::{Client, Credential, RequestError};
use crate::hub_cache::is_plain_name;
use crate::store_error::StoreError;

/// What the Hub knows of a file at a revision.
#[derive(Debug)]
pub(crate) struct HubMetadata {
    /// The commit that the revision stands for.
    pub(crate) commit: String,
    /// Names the content. For large files it is their SHA-256.
    pub(crate) etag: String,
    pub(crate) bytes: Option<u64>,
}

impl HubMetadata {
    /// The content's SHA-256, where the etag is one (for small files it is git's SHA-1).
    pub(crate) fn sha256(&self) -> Option<&str> {
        is_sha256(&self.etag).then_some(self.etag.as_str())
    }
}

pub(crate) fn is_sha256(name: &str) -> bool {
    name.len() == 64
        && name
            .bytes()
            .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
}

impl HubFile {
    pub(crate) fn url(&self, endpoint: &str, revision: &str) -> String {
        // A slash within a branch name is part of the name.
        let revision = revision.replace('/', "%2F");
        format!("{endpoint}/{}/resolve/{revision}/{}", self.repo, self.file)
    }

    /// Asks the Hub, several times if it cannot be reached.
    pub(crate) fn metadata(
        &self,
        client: &Client,
        config: &StoreConfig,
    ) -> Result<HubMetadata, StoreError> {
        let url = self.url(&config.hub_endpoint, self.revision);
        let mut attempt = 1;
        let (status, headers) = loop {
            let reason = match client.head(&url, credential(config)) {
                Ok((status, _)) if matches!(status, 408 | 429 | 500 | 502 | 503 | 504) => {
                    format!("the server answered {status}")
                }
                Ok(answer) => break answer,
                Err(RequestError::Permanent(reason)) => {
                    return Err(StoreError::Refused { url, reason });
                }
                Err(RequestError::Transient(reason)) => reason,
            };
            if attempt >= config.attempts {
                let (got, expected) = (0, None);
                return Err(StoreError::Transfer {
                    url,
                    reason,
                    got,
                    expected,
                    attempts: attempt,
                });
            }
            std::thread::sleep(config.backoff.saturating_mul(1 << (attempt - 1).min(6)));
            attempt += 1;
        };
        match status {
            200..=399 => self
                .read(&headers)
                .map_err(|reason| StoreError::Refused { url, reason }),
            401 | 403 => Err(StoreError::Gated {
                endpoint: config.hub_endpoint.clone(),
                repo: self.repo,
                status,
                had_token: config.hub_token.is_some(),
            }),
            404 => Err(StoreError::NotOnHub {
                endpoint: config.hub_endpoint.clone(),
                repo: self.repo,
                revision: self.revision,
                file: self.file,
            }),
            _ => Err(StoreError::Refused {
                url,
                reason: format!("the server answered {status}"),
            }),
        }
    }

    fn read(&self, headers: &HeaderMap) -> Result<HubMetadata, String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let commit = text("x-repo-commit").unwrap_or_default().to_owned();
        let etag = text("x-linked-etag")
            .or_else(|| text("etag"))
            .unwrap_or_default();
        let etag = etag
            .strip_prefix("W/")
            .unwrap_or(etag)
            .trim_matches('"')
            .to_owned();
        // Both become parts of paths.
        for (value, header) in [(&commit, "x-repo-commit"), (&etag, "etag")] {
            if !is_plain_name(value) {
                return Err(format!("not an answer of a Hub: its {header} is {value:?}"));
            }
        }
        let length = text("x-linked-size").or_else(|| text("content-length"));
        Ok(HubMetadata {
            commit,
            etag,
            bytes: length.and_then(|length| length.parse().ok()),
        })
    }
}

/// The token, for the Hub alone.
pub(crate) fn credential(config: &StoreConfig) -> Option<Credential<'_>> {
    let token = config.hub_token.as_ref()?;
    Some(Credential {
        token,
        site: &config.hub_endpoint,
    })
}

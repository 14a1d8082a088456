//! Requests with the redirects in our own hands: a token goes to the host it was meant for only.

use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use crate::config::{StoreConfig, Token};

const MAX_REDIRECTS: usize = 10;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// Trying again may help.
    Transient(String),
    /// It will not.
    Permanent(String),
}

/// A token and the only place it may be sent to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credential<'a> {
    pub(crate) token: &'a Token,
    /// Any URL of that place.
    pub(crate) site: &'a str,
}

/// An HTTP client. Honours `HTTPS_PROXY` and its like, as pip and huggingface_hub do.
#[derive(Debug)]
pub(crate) struct Client(Agent);

impl Client {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        let tls = TlsConfig::builder().root_certs(config.root_certificates.clone());
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .user_agent(concat!("image-embed/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(config.connect_timeout))
            .timeout_connect(Some(config.connect_timeout))
            .timeout_recv_response(Some(config.stall_timeout.max(Duration::from_secs(1))))
            .timeout_per_read(Some(config.stall_timeout))
            .timeout_per_write(Some(config.stall_timeout))
            .build();
        Self(agent.into())
    }

    /// GET from byte `from`, redirects followed.
    pub(crate) fn get(
        &self,
        url: &str,
        credential: Option<Credential<'_>>,
        from: u64,
    ) -> Result<Response<Body>, RequestError> {
        let mut hops = Hops::new(url);
        loop {
            let mut request = self.0.get(&hops.url);
            if from > 0 {
                request = request.header("Range", format!("bytes={from}-"));
            }
            if let Some(bearer) = hops.bearer(credential) {
                request = request.header("Authorization", bearer);
            }
            let response = request.call().map_err(classify)?;
            if !hops.follow(&response)? {
                return Ok(response);
            }
        }
    }

    /// HEAD, with redirects followed within the host only: the answer that sends us elsewhere is
    /// where the Hub puts its own headers. Headers of every answer, the first one's winning.
    pub(crate) fn head(
        &self,
        url: &str,
        credential: Option<Credential<'_>>,
    ) -> Result<(u16, HeaderMap), RequestError> {
        let mut hops = Hops::new(url);
        let mut headers = HeaderMap::new();
        loop {
            let mut request = self.0.head(&hops.url);
            if let Some(bearer) = hops.bearer(credential) {
                request = request.header("Authorization", bearer);
            }
            let response = request.call().map_err(classify)?;
            let here = origin(&hops.url).to_owned();
            let redirected = hops.follow(&response)?;
            let stops = !redirected || origin(&hops.url) != here;
            for (name, value) in response.headers() {
                // Those of a redirect speak of the redirect itself.
                let misleading =
                    (name == "content-length" && redirected) || (name == "etag" && !stops);
                if !misleading && !headers.contains_key(name) {
                    headers.insert(name.clone(), value.clone());
                }
            }
            if stops {
                return Ok((response.status().as_u16(), headers));
            }
        }
    }
}

/// The chain of redirects of one request.
struct Hops {
    url: String,
    left: usize,
}

impl Hops {
    fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            left: MAX_REDIRECTS,
        }
    }

    fn bearer(&self, credential: Option<Credential<'_>>) -> Option<String> {
        let credential = credential?;
        (origin(credential.site) == origin(&self.url))
            .then(|| format!("Bearer {}", credential.token.secret()))
    }

    /// Goes where a redirect points; `false` when the response is none.
    fn follow(&mut self, response: &Response<Body>) -> Result<bool, RequestError> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(false);
        }
        let permanent = |reason: String| Err(RequestError::Permanent(reason));
        let Some(location) = response
            .headers()
            .get("location")
            .and_then(|v| v.to_str().ok())
        else {
            return permanent(format!("{} redirects to nowhere", self.url));
        };
        if self.left == 0 {
            return permanent(format!("more than {MAX_REDIRECTS} redirects"));
        }
        self.left -= 1;
        let next = resolve(&self.url, location);
        if self.url.starts_with("https://") && !next.starts_with("https://") {
            return permanent(format!("redirects from https to {}", origin(&next)));
        }
        self.url = next;
        Ok(true)
    }
}

fn classify(error: ureq::Error) -> RequestError {
    let reason = error.to_string();
    match error {
        ureq::Error::Http(_)
        | ureq::Error::BadUri(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::RequireHttpsOnly(_) => RequestError::Permanent(reason),
        _ => RequestError::Transient(reason),
    }
}

/// Scheme, host and port of a URL.
pub(crate) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..]
        .find(['/', '?', '#', '\\'])
        .map_or(url.len(), |at| host + at);
    &url[..end]
}

/// A `Location` as seen from `base` (RFC 3986, section 5.2, without dot segments).
fn resolve(base: &str, location: &str) -> String {
    let lower = location.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return location.to_owned();
    }
    if location.starts_with("//") {
        let scheme = base.split("//").next().unwrap_or_default();
        return format!("{scheme}{location}");
    }
    if location.starts_with('/') {
        return format!("{}{location}", origin(base));
    }
    let path = base.split(['?', '#']).next().unwrap_or_default();
    let directory = path.rfind('/').filter(|&at| at >= origin(base).len());
    match directory {
        Some(at) => format!("{}/{location}", &path[..at]),
        None => format!("{path}/{location}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_against_their_base() {
        let base = "https://hub:1/a/b?x=/y";
        for (location, expected) in [
            ("https://cdn/f", "https://cdn/f"),
            ("//cdn/f", "https://cdn/f"),
            ("/c/f", "https://hub:1/c/f"),
            ("f", "https://hub:1/a/f"),
        ] {
            assert_eq!(resolve(base, location), expected);
        }
        assert_eq!(resolve("https://hub", "f"), "https://hub/f");
    }

    #[test]
    fn another_host_is_another_origin_whatever_its_name_contains() {
        let site = "https://huggingface.co/a/b";
        assert_eq!(origin("https://huggingface.co?x"), origin(site));
        for other in [
            "http://huggingface.co/a",
            "https://huggingface.co:444/a",
            "https://huggingface.co@evil.example/a",
            "https://huggingface.co.evil.example/a",
            "https://cdn.huggingface.co/a",
        ] {
            assert_ne!(origin(other), origin(site));
        }
    }
}

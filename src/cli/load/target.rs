use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use hyper::header::HeaderValue;
use url::Url;

use crate::cli::api_key::ApiKey;

/// Where the requests go. The name is looked up once: what is measured is the server, not the resolver.
pub(super) struct Target {
    pub(super) addresses: Vec<SocketAddr>,
    /// The `Host` header.
    pub(super) host: HeaderValue,
    pub(super) path: String,
    /// The `Authorization` header.
    pub(super) authorization: Option<HeaderValue>,
}

impl Target {
    pub(super) async fn find(url: &str, key: Option<&ApiKey>) -> anyhow::Result<Self> {
        let parsed = Url::parse(url).with_context(|| format!("'{url}' is not a URL"))?;
        ensure!(
            parsed.scheme() == "http" && parsed.query().is_none() && parsed.fragment().is_none(),
            "'{url}' is not like http://localhost:8000"
        );
        let port = parsed.port_or_known_default().unwrap_or(80);
        let name = parsed.host_str().unwrap_or_default();
        // An IPv6 address has brackets in a URL and none for the resolver.
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<_> = tokio::net::lookup_host((bare, port))
            .await
            .with_context(|| format!("cannot find {name}"))?
            .collect();
        ensure!(!addresses.is_empty(), "{name} has no address");
        Ok(Self {
            addresses,
            host: HeaderValue::try_from(format!("{name}:{port}"))?,
            path: format!(
                "{}/analyze_image_upload/",
                parsed.path().trim_end_matches('/')
            ),
            authorization: key
                .filter(|key| !key.is_empty())
                .map(ApiKey::bearer)
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[tokio::test]
    async fn a_url_is_a_server_with_or_without_a_path() {
        let target = Target::find("http://127.0.0.1:81", None).await.unwrap();
        assert_eq!(target.path, "/analyze_image_upload/");
        assert_eq!(target.host, "127.0.0.1:81");
        let target = Target::find("http://[::1]:81/below/", None).await.unwrap();
        assert_eq!(target.path, "/below/analyze_image_upload/");
        assert_eq!(target.addresses, ["[::1]:81".parse().unwrap()]);
        for wrong in ["localhost:8000", "https://localhost", "http://x/?a", "x"] {
            assert!(Target::find(wrong, None).await.is_err(), "{wrong}");
        }
    }
}

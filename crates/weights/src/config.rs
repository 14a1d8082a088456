//! Where weights files are kept and how they are fetched: the settings, and the environment
//! variables that `huggingface_hub` users already have.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ureq::tls::RootCerts;

use crate::store_error::StoreError;

/// A Hugging Face access token. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, without the white space that comes along when one is pasted; `None` if nothing is
    /// left of it.
    #[must_use]
    pub fn new(token: &str) -> Option<Self> {
        let token: String = token.split_whitespace().collect();
        (!token.is_empty()).then_some(Self(token))
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Settings of a [`Store`](crate::Store).
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// When set, the only place where files are looked for and written to.
    pub weights_dir: Option<PathBuf>,
    /// Where files of plain URLs are kept.
    pub cache_dir: PathBuf,
    /// Where files of the Hub are kept, in the layout of `huggingface_hub`.
    pub hub_cache: PathBuf,
    /// Root of the Hub, without a slash at its end.
    pub hub_endpoint: String,
    /// Sent to the Hub and to no other host.
    pub hub_token: Option<Token>,
    /// Never use the network.
    pub offline: bool,
    /// What a server's certificate must lead to; Mozilla's root certificates if nobody says otherwise.
    pub root_certificates: RootCerts,
    /// Time to resolve and reach a server.
    pub connect_timeout: Duration,
    /// Time without a single byte after which a connection counts as dead.
    pub stall_timeout: Duration,
    /// How often a transfer that broke is tried, the first time included.
    pub attempts: u32,
    /// Pause after the first broken attempt; doubled after each.
    pub backoff: Duration,
}

impl StoreConfig {
    /// Settings from the environment: `IMAGE_EMBED_CACHE_DIR`; `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`,
    /// `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE` with the meaning
    /// they have for `huggingface_hub`; `XDG_CACHE_HOME`, `HOME`.
    ///
    /// # Errors
    /// [`StoreError::NoHome`] when none of them says where files could be kept.
    pub fn from_env() -> Result<Self, StoreError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same with any source of variables; an empty one counts as unset.
    ///
    /// # Errors
    /// As [`StoreConfig::from_env`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, StoreError> {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = text("HOME")
            .or_else(|| text("USERPROFILE"))
            .map(PathBuf::from);
        let path = |name: &str| text(name).map(|value| expand_home(&value, home.as_ref()));
        let on = |name: &str| {
            text(name)
                .is_some_and(|v| ["1", "ON", "YES", "TRUE"].contains(&v.to_uppercase().as_str()))
        };

        let user_cache =
            path("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|home| home.join(".cache")));
        let below_cache = |name: &str| user_cache.as_ref().map(|cache| cache.join(name));
        let cache_dir = path("IMAGE_EMBED_CACHE_DIR").or_else(|| below_cache("image-embed"));
        let hf_home = path("HF_HOME").or_else(|| below_cache("huggingface"));
        let hub_cache = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| hf_home.as_ref().map(|hf_home| hf_home.join("hub")));

        let token_file = path("HF_TOKEN_PATH").or_else(|| hf_home.map(|home| home.join("token")));
        let token = text("HF_TOKEN")
            .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
            .or_else(|| {
                let file = token_file.filter(|_| !on("HF_HUB_DISABLE_IMPLICIT_TOKEN"))?;
                std::fs::read_to_string(file).ok()
            });
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());

        // With one of the two places known, the other lies beside it.
        let (cache_dir, hub_cache) = match (cache_dir, hub_cache) {
            (Some(cache_dir), Some(hub_cache)) => (cache_dir, hub_cache),
            (Some(cache_dir), None) => (cache_dir.clone(), cache_dir.join("huggingface/hub")),
            (None, Some(hub_cache)) => (hub_cache.join("image-embed"), hub_cache),
            (None, None) => return Err(StoreError::NoHome),
        };
        Ok(Self {
            weights_dir: None,
            cache_dir,
            hub_cache,
            hub_endpoint: endpoint.trim_end_matches('/').to_owned(),
            hub_token: token.as_deref().and_then(Token::new),
            offline: on("HF_HUB_OFFLINE") || on("TRANSFORMERS_OFFLINE"),
            root_certificates: RootCerts::WebPki,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            attempts: 4,
            backoff: Duration::from_millis(500),
        })
    }
}

fn expand_home(value: &str, home: Option<&PathBuf>) -> PathBuf {
    match (value.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<StoreConfig, StoreError> {
        StoreConfig::from_variables(|name| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_are_those_of_the_hub_and_of_xdg() {
        let found = config(&[("HOME", "/h")]).expect("HOME is enough");
        assert_eq!(found.cache_dir, PathBuf::from("/h/.cache/image-embed"));
        assert_eq!(found.hub_cache, PathBuf::from("/h/.cache/huggingface/hub"));
        assert_eq!(found.hub_endpoint, "https://huggingface.co");
        assert!(!found.offline && found.hub_token.is_none() && found.weights_dir.is_none());
    }

    #[test]
    fn the_more_special_variable_wins() {
        let all = [
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/x"),
            ("HF_HOME", "~/hf"),
            ("HF_HUB_CACHE", "/hub"),
            ("IMAGE_EMBED_CACHE_DIR", "/ours"),
        ];
        let paths = |n: usize| {
            let found = config(&all[..n]).expect("HOME is enough");
            (found.cache_dir, found.hub_cache)
        };
        assert_eq!(
            paths(2),
            ("/x/image-embed".into(), "/x/huggingface/hub".into())
        );
        assert_eq!(paths(3), ("/x/image-embed".into(), "/h/hf/hub".into()));
        assert_eq!(paths(4), ("/x/image-embed".into(), "/hub".into()));
        assert_eq!(paths(5), ("/ours".into(), "/hub".into()));
    }

    #[test]
    fn switches_and_endpoint_are_read_as_huggingface_hub_reads_them() {
        for (value, expected) in [
            ("1", true),
            ("yes", true),
            ("true", true),
            ("0", false),
            ("", false),
        ] {
            let found = config(&[("HOME", "/h"), ("HF_HUB_OFFLINE", value)]).expect("valid");
            assert_eq!(found.offline, expected, "HF_HUB_OFFLINE={value}");
        }
        let found = config(&[("HOME", "/h"), ("HF_ENDPOINT", "http://mirror/")]).expect("valid");
        assert_eq!(found.hub_endpoint, "http://mirror");
    }

    #[test]
    fn the_token_comes_from_its_variable_or_its_file_and_is_never_shown() {
        let home = tempfile::tempdir().expect("temporary directory");
        let hf_home = home.path().to_str().expect("UTF-8");
        std::fs::write(home.path().join("token"), "from-file\n").expect("writable");
        let base = ("HF_HOME", hf_home);
        let token = |more: &[(&str, &str)]| {
            let found = config(&[&[base], more].concat()).expect("HF_HOME is enough");
            assert!(!format!("{found:?}").contains("from-"), "{found:?}");
            found.hub_token.map(|token| token.secret().to_owned())
        };
        assert_eq!(token(&[]).as_deref(), Some("from-file"));
        assert_eq!(
            token(&[("HF_TOKEN", " from-variable\n")]).as_deref(),
            Some("from-variable")
        );
        assert_eq!(token(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    }

    #[test]
    fn nowhere_to_keep_files_is_an_error() {
        assert!(matches!(config(&[]), Err(StoreError::NoHome)));
    }
}

use std::fmt;

use anyhow::Context as _;
use ureq::http::HeaderValue;

/// A server's API key. Nothing shows it: not `Debug`, and no error.
#[derive(Clone)]
pub(super) struct ApiKey(String);

/// Infallible, because clap quotes a value that it cannot read.
impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl ApiKey {
    /// An empty variable is how some environments say that there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `Authorization`.
    pub(super) fn bearer(&self) -> anyhow::Result<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .ok()
            .context("--api-key (IMAGE_EMBED_API_KEY) has a character that no header can carry")?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `text` without the key, should a server have quoted it.
    pub(super) fn struck_from(&self, text: &str) -> String {
        text.replace(&self.0, "…")
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKey;

    #[test]
    fn a_key_is_sent_and_not_shown() {
        let key = ApiKey::from("s3cret".to_owned());
        let bearer = key.bearer().unwrap();
        assert_eq!(bearer.as_bytes(), b"Bearer s3cret");
        assert!(!format!("{key:?} {bearer:?}").contains("s3cret"));
        assert_eq!(key.struck_from("no s3cret here"), "no … here");
        let error = ApiKey::from("s3\ncret".to_owned()).bearer().unwrap_err();
        assert!(!format!("{error:#?}").contains("cret"), "{error:#?}");
    }
}

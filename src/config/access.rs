use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::BoolishValueParser;
use thiserror::Error;

use crate::http::{Access, Keys, KeysError};

/// Who may ask.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
pub struct AccessSettings {
    /// A file of keys, `name:key` a line; whoever asks for more than `/health` and `/ready` needs one of them then. Read again on
    /// SIGHUP
    #[arg(long, env = "IMAGE_EMBED_API_KEYS_FILE", value_name = "FILE")]
    pub api_keys_file: Option<PathBuf>,

    /// Keys, `name:key` with commas between. Set it in the environment: a command line can be read by everybody on the machine
    #[arg(
        long,
        env = "IMAGE_EMBED_API_KEYS",
        value_name = "NAME:KEY,…",
        hide_env_values = true
    )]
    pub api_keys: Option<ListedKeys>,

    /// Serve the network without keys: whoever reaches the address may ask
    #[arg(long, env = "IMAGE_EMBED_NO_AUTH", value_parser = BoolishValueParser::new())]
    pub no_auth: bool,

    /// Answer `/metrics` without a key
    #[arg(long, env = "IMAGE_EMBED_PUBLIC_METRICS", value_parser = BoolishValueParser::new())]
    pub public_metrics: bool,

    /// Analysis requests that each caller may send in a minute; the next one is answered 429 [default: any number]
    #[arg(long, env = "IMAGE_EMBED_REQUESTS_PER_MINUTE", value_name = "N")]
    pub requests_per_minute: Option<NonZeroU32>,
}

/// Keys as they are listed in a setting. `Debug` does not show them.
#[derive(Clone)]
pub struct ListedKeys(String);

/// Infallible, because clap quotes a value that it cannot read.
impl From<String> for ListedKeys {
    fn from(keys: String) -> Self {
        Self(keys)
    }
}

impl fmt::Debug for ListedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListedKeys(…)")
    }
}

/// Settings that leave it open who may ask.
#[derive(Debug, Error)]
pub enum AccessError {
    /// Anybody could ask.
    #[error(
        "nobody is kept out of {0}: give the callers keys (--api-keys-file, IMAGE_EMBED_API_KEYS), or say --no-auth \
         (IMAGE_EMBED_NO_AUTH) if whoever reaches this address may ask"
    )]
    Open(IpAddr),
    /// Two settings contradict each other.
    #[error(
        "--no-auth (IMAGE_EMBED_NO_AUTH) lets everybody in, and there are keys too; take one of them away"
    )]
    KeysAndNoAuth,
    /// A rate needs to know whose requests it counts.
    #[error(
        "--requests-per-minute (IMAGE_EMBED_REQUESTS_PER_MINUTE) counts the requests of each key, and there are none (see --api-keys-file)"
    )]
    RateWithoutKeys,
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl AccessSettings {
    /// Who may ask a server that listens on `address`.
    ///
    /// # Errors
    /// [`AccessError`] if that would be everybody on the network and nobody said so, or the keys cannot be had.
    pub fn access(&self, address: IpAddr) -> Result<Access, AccessError> {
        // Compose files pass on variables that are empty.
        let listed = self.api_keys.as_ref().map_or("", |keys| &keys.0);
        let file = self.api_keys_file.clone();
        let file = file.filter(|path| !path.as_os_str().is_empty());
        if listed.is_empty() && file.is_none() {
            if self.requests_per_minute.is_some() {
                return Err(AccessError::RateWithoutKeys);
            }
            if !self.no_auth && !address.to_canonical().is_loopback() {
                return Err(AccessError::Open(address));
            }
            return Ok(Access::default());
        }
        if self.no_auth {
            return Err(AccessError::KeysAndNoAuth);
        }
        let keys = Arc::new(Keys::new(listed, file)?);
        let mut access = Access::new(keys, self.requests_per_minute);
        access.public_metrics = self.public_metrics;
        Ok(access)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NONE: AccessSettings = AccessSettings {
        api_keys_file: None,
        api_keys: None,
        no_auth: false,
        public_metrics: false,
        requests_per_minute: None,
    };

    #[test]
    fn without_keys_only_this_machine_is_served_unless_it_is_said() {
        let network = Ipv4Addr::UNSPECIFIED.into();
        let here = [
            Ipv4Addr::LOCALHOST.into(),
            "::1".parse().unwrap(),
            "::ffff:127.0.0.1".parse().unwrap(),
        ];
        for address in here {
            assert!(NONE.access(address).unwrap().keys.is_none());
        }
        assert!(matches!(NONE.access(network), Err(AccessError::Open(_))));
        let empty = AccessSettings {
            api_keys_file: Some(PathBuf::new()),
            api_keys: Some(String::new().into()),
            ..NONE
        };
        assert!(matches!(empty.access(network), Err(AccessError::Open(_))));
        let open = AccessSettings {
            no_auth: true,
            ..NONE
        };
        assert!(open.access(network).unwrap().keys.is_none());
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let keys = Some(ListedKeys::from("ann:a-key-that-is-long-enough".to_owned()));
        assert!(!format!("{keys:?}").contains("ann"));
        let rate = NonZeroU32::new(60);
        let settings = |api_keys, no_auth, requests_per_minute| {
            let settings = AccessSettings {
                api_keys,
                no_auth,
                requests_per_minute,
                ..NONE
            };
            settings.access(Ipv4Addr::UNSPECIFIED.into())
        };
        let both = settings(keys.clone(), true, None);
        assert!(matches!(both, Err(AccessError::KeysAndNoAuth)));
        let uncounted = settings(None, true, rate);
        assert!(matches!(uncounted, Err(AccessError::RateWithoutKeys)));
        assert!(settings(keys, false, rate).unwrap().keys.is_some());
    }
}

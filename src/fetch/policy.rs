//! What may be fetched: sizes, times, hops, and the addresses that are allowed although they are
//! not public.

use std::net::IpAddr;
use std::time::Duration;

use hyper::header::HeaderValue;
use url::Host;

use super::address_guard::is_global;
use super::allow_rule::AllowRule;

/// Who asks, as large sites want to know it (Wikimedia's policy): the program, its version, and where
/// its operator can be reached, which only the operator knows.
pub const DEFAULT_USER_AGENT: &str = concat!(
    "image-embed/",
    env!("CARGO_PKG_VERSION"),
    " (self-hosted image analysis; https://example.org/contact-not-set)"
);

/// The limits of one fetch. [`Default`] is right for a service that anybody may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPolicy {
    /// Places that may be fetched from although their addresses are not public (`--fetch-allow`).
    /// Empty: none.
    pub allow: Vec<AllowRule>,
    /// The largest body, in bytes.
    pub max_bytes: u64,
    /// How many redirects are followed; 0 follows none.
    pub max_redirects: usize,
    /// What this service calls itself (`User-Agent`).
    pub user_agent: HeaderValue,
    /// How long one hop may take until it can send its request: name lookup, TCP and TLS handshakes
    /// together.
    pub connect_timeout: Duration,
    /// How long the whole fetch may take, all hops and the body included.
    pub total_timeout: Duration,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            max_bytes: 32 << 20,
            max_redirects: 30,
            user_agent: HeaderValue::from_static(DEFAULT_USER_AGENT),
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(20),
        }
    }
}

/// A policy under which nothing could ever be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fetch policy's {setting} is 0, so nothing could be fetched")]
pub struct PolicyError {
    /// The field of [`FetchPolicy`] at fault.
    pub setting: &'static str,
}

impl FetchPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let zero = [
            ("max_bytes", self.max_bytes == 0),
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("total_timeout", self.total_timeout.is_zero()),
        ];
        match zero.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((setting, _)) => Err(PolicyError { setting }),
            None => Ok(()),
        }
    }

    /// Whether the address, which `host` is or resolved to, may be dialled on this port.
    pub fn permits(&self, host: &Host, port: u16, address: IpAddr) -> bool {
        is_global(address)
            || self
                .allow
                .iter()
                .any(|rule| rule.permits(host, port, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_lets_nothing_through_is_an_error_naming_the_setting() {
        let error = |policy: FetchPolicy| policy.validate().unwrap_err().setting;
        assert_eq!(
            error(FetchPolicy {
                max_bytes: 0,
                ..FetchPolicy::default()
            }),
            "max_bytes"
        );
        let none = Duration::ZERO;
        assert_eq!(
            error(FetchPolicy {
                connect_timeout: none,
                ..FetchPolicy::default()
            }),
            "connect_timeout"
        );
        assert_eq!(
            error(FetchPolicy {
                total_timeout: none,
                ..FetchPolicy::default()
            }),
            "total_timeout"
        );
        assert_eq!(FetchPolicy::default().validate(), Ok(()));
    }

    #[test]
    fn a_rule_only_adds_to_what_is_public() {
        let policy = FetchPolicy {
            allow: vec![
                "10.0.0.0/8".parse().unwrap(),
                "store.internal:9000".parse().unwrap(),
            ],
            ..FetchPolicy::default()
        };
        let permits = |host: &str, port, address: &str| {
            policy.permits(&Host::parse(host).unwrap(), port, address.parse().unwrap())
        };
        assert!(permits("example.com", 80, "8.8.8.8"));
        assert!(
            permits("example.com", 80, "10.1.2.3"),
            "a network rule asks for no name"
        );
        assert!(!permits("example.com", 80, "192.168.0.1"));
        assert!(permits("store.internal", 9000, "192.168.0.1"));
        assert!(
            permits("store.internal.", 9000, "192.168.0.1"),
            "the same name, fully qualified"
        );
        assert!(
            !permits("store.internal", 9001, "192.168.0.1"),
            "another port"
        );
        assert!(
            !permits("www.store.internal", 9000, "192.168.0.1"),
            "another name"
        );
    }
}

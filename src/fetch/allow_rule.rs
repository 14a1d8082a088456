//! One value of `--fetch-allow`: a place that may be fetched from although it is not public.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Host;

use super::network::{Network, NetworkError};

/// A network, an address or a host name, each with or without a port.
///
/// `10.0.0.0/8`, `10.0.0.0/8:8080`, `192.168.1.7`, `192.168.1.7:9000`, `fd00::/8`,
/// `[fd00::/8]:8080`, `[fd00::7]:9000`, `images.internal`, `images.internal:9000`. Without a port,
/// every port is meant.
///
/// A network permits the addresses inside it, under whatever name. A host name permits that name
/// alone (no subdomains), whatever its addresses are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowRule {
    place: Place,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Network(Network),
    /// Lower case, ASCII (IDNA), without the last dot.
    Host(String),
}

/// Why a text is not an [`AllowRule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowRuleError {
    /// There is nothing in it.
    #[error("an allow rule is empty")]
    Empty,
    /// What follows the last colon is not a port.
    #[error("'{0}' is not a port from 1 to 65535")]
    Port(String),
    /// It looks like an address or a network but is none.
    #[error("{0}")]
    Network(#[from] NetworkError),
    /// It is neither an address, nor a network, nor a plain host name.
    #[error("'{0}' is not a host name, an IP address or a network like 10.0.0.0/8")]
    Host(String),
}

impl AllowRule {
    /// Whether the address, which `host` is or resolved to, may be dialled on this port.
    pub fn permits(&self, host: &Host, port: u16, address: IpAddr) -> bool {
        self.port.is_none_or(|only| only == port)
            && match (&self.place, host) {
                (Place::Network(network), _) => network.contains(address),
                (Place::Host(name), Host::Domain(domain)) => name == without_root(domain),
                // An address in a URL has no name, and no name rule speaks for it.
                (Place::Host(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
            }
    }
}

/// `example.com.` is `example.com`, fully qualified (RFC 1034 §3.1).
fn without_root(domain: &str) -> &str {
    domain.strip_suffix('.').unwrap_or(domain)
}

impl FromStr for AllowRule {
    type Err = AllowRuleError;

    fn from_str(text: &str) -> Result<Self, AllowRuleError> {
        if text.is_empty() {
            return Err(AllowRuleError::Empty);
        }
        if text.contains("://") {
            return Err(AllowRuleError::Host(text.to_owned()));
        }
        if let Some(bracketed) = text.strip_prefix('[') {
            let (inside, behind) = bracketed
                .split_once(']')
                .ok_or_else(|| AllowRuleError::Host(text.to_owned()))?;
            let network: Network = inside.parse()?;
            if !network.is_v6() {
                return Err(AllowRuleError::Host(text.to_owned()));
            }
            let port = match behind.strip_prefix(':') {
                Some(port) => Some(parse_port(port)?),
                None if behind.is_empty() => None,
                None => return Err(AllowRuleError::Port(behind.to_owned())),
            };
            return Ok(Self {
                place: Place::Network(network),
                port,
            });
        }
        match text.split_once(':') {
            // More than one colon: IPv6 without brackets, which leaves no room for a port.
            Some((_, behind)) if behind.contains(':') => Ok(Self {
                place: Place::Network(text.parse()?),
                port: None,
            }),
            Some((place, port)) => Ok(Self {
                place: parse_place(place)?,
                port: Some(parse_port(port)?),
            }),
            None => Ok(Self {
                place: parse_place(text)?,
                port: None,
            }),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, AllowRuleError> {
    Some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|port| *port != 0)
        .ok_or_else(|| AllowRuleError::Port(text.to_owned()))
}

fn parse_place(text: &str) -> Result<Place, AllowRuleError> {
    if text.contains('/') || text.parse::<IpAddr>().is_ok() {
        return Ok(Place::Network(text.parse()?));
    }
    let wrong = || AllowRuleError::Host(text.to_owned());
    // The parser that reads the URLs, so that a rule and a URL agree on upper case and IDNA. It
    // also takes 0x7f.1 for an address: a rule must say plainly what it opens.
    let Ok(Host::Domain(domain)) = Host::parse(text) else {
        return Err(wrong());
    };
    let name = without_root(&domain);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.split('.').any(str::is_empty) || !name.bytes().all(plain) {
        return Err(wrong());
    }
    Ok(Place::Host(name.to_owned()))
}

impl fmt::Display for AllowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.port) {
            (Place::Network(network), None) => write!(f, "{network}"),
            (Place::Network(network), Some(port)) if network.is_v6() => {
                write!(f, "[{network}]:{port}")
            }
            (Place::Network(network), Some(port)) => write!(f, "{network}:{port}"),
            (Place::Host(name), None) => write!(f, "{name}"),
            (Place::Host(name), Some(port)) => write!(f, "{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<AllowRule, AllowRuleError> {
        text.parse()
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/8:8080", "10.0.0.0/8:8080"),
            ("192.168.1.7", "192.168.1.7"),
            ("192.168.1.7/32", "192.168.1.7"),
            ("192.168.1.7:9000", "192.168.1.7:9000"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[::1]:80", "[::1]:80"),
            ("fd00::/8", "fd00::/8"),
            ("[fd00::/8]:80", "[fd00::/8]:80"),
            ("Images.Internal", "images.internal"),
            ("images.internal.", "images.internal"),
            ("images.internal:9000", "images.internal:9000"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
        ] {
            let rule = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(rule.to_string(), written);
            assert_eq!(parse(written).as_ref(), Ok(&rule));
        }
    }

    #[test]
    fn a_wrong_rule_is_named() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        let is_no_host = "is not a host name, an IP address or a network like 10.0.0.0/8";
        assert_eq!(error(""), "an allow rule is empty");
        for text in [
            "http://a/",
            "*.example.com",
            "a b",
            "0x7f.1",
            "127.1",
            "2130706433",
            ".",
            "*",
        ] {
            assert_eq!(error(text), format!("'{text}' {is_no_host}"));
        }
        for text in ["[::1", "[10.0.0.1]:80", "..", "a..", "a..b", ".a"] {
            assert_eq!(error(text), format!("'{text}' {is_no_host}"));
        }
        assert_eq!(error("a:0"), "'0' is not a port from 1 to 65535");
        assert_eq!(error("a:65536"), "'65536' is not a port from 1 to 65535");
        assert_eq!(error("a:+1"), "'+1' is not a port from 1 to 65535");
        assert_eq!(error("a:"), "'' is not a port from 1 to 65535");
        assert_eq!(error("[::1]80"), "'80' is not a port from 1 to 65535");
        assert_eq!(error("fe80::1%eth0"), "'fe80::1%eth0' is not an IP address");
        assert_eq!(
            error("10.0.0.0/40"),
            "'/40' is not a prefix length from 0 to 32"
        );
        assert_eq!(
            error("10.0.0.1/8"),
            "'10.0.0.1/8' has bits set behind its prefix; the network is '10.0.0.0/8'"
        );
    }

    #[test]
    fn a_name_rule_does_not_open_the_address_itself() {
        let rule = parse("localhost").unwrap();
        let address: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(rule.permits(&Host::parse("LOCALHOST").unwrap(), 80, address));
        assert!(!rule.permits(&Host::parse("127.0.0.1").unwrap(), 80, address));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser_and_what_it_accepts_reads_back(
            text in "[a-zA-Z0-9.:/\\[\\]%_-]{0,24}|.{0,24}",
        ) {
            if let Ok(rule) = parse(&text) {
                prop_assert_eq!(parse(&rule.to_string()), Ok(rule));
            }
        }
    }
}

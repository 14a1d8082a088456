//! A block of addresses: a base address and how many of its leading bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR notation (RFC 4632, RFC 4291 §2.3), `10.0.0.0/8` or `fd00::/8`; a single
/// address is a network too.
///
/// IPv4 and IPv6 never match each other: `10.0.0.0/8` does not contain `::ffff:10.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is not a [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The part before the slash is not an address in its usual spelling.
    #[error("'{0}' is not an IP address")]
    Address(String),
    /// The part after the slash is not a number of bits of that kind of address.
    #[error("'/{prefix}' is not a prefix length from 0 to {longest}")]
    Prefix {
        /// What stands after the slash.
        prefix: String,
        /// 32 for IPv4, 128 for IPv6.
        longest: u8,
    },
    /// The address has bits set behind the prefix, so it is unclear which of the two was meant.
    #[error("'{given}' has bits set behind its prefix; the network is '{meant}'")]
    HostBits {
        /// The text as it was given.
        given: String,
        /// The network that contains the address.
        meant: Network,
    },
}

impl Network {
    /// The network that holds this address alone.
    pub const fn single(address: IpAddr) -> Self {
        let prefix = longest_prefix(address);
        Self {
            base: address,
            prefix,
        }
    }

    pub(super) const fn v4(octets: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = octets;
        Self {
            base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    pub(super) const fn v6(segments: [u16; 8], prefix: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self {
            base: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
            prefix,
        }
    }

    /// Whether the address lies inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix = u32::from(self.prefix);
        // A shift by the whole width (prefix 0: everything matches) is not a shift in Rust, hence
        // `checked_shr`.
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (base.to_bits() ^ address.to_bits())
                    .checked_shr(32 - prefix)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (base.to_bits() ^ address.to_bits())
                    .checked_shr(128 - prefix)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }

    pub(super) const fn is_v6(&self) -> bool {
        self.base.is_ipv6()
    }

    /// The same network with every bit behind the prefix cleared.
    fn masked(self) -> Self {
        let prefix = u32::from(self.prefix);
        let base = match self.base {
            IpAddr::V4(base) => {
                let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() & mask))
            }
            IpAddr::V6(base) => {
                let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() & mask))
            }
        };
        Self {
            base,
            prefix: self.prefix,
        }
    }
}

const fn longest_prefix(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address
            .parse()
            .map_err(|_| NetworkError::Address(address.to_owned()))?;
        let longest = longest_prefix(base);
        let Some(prefix) = prefix else {
            return Ok(Self::single(base));
        };
        // `u8::from_str` takes "+8".
        let prefix = Some(prefix)
            .filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|prefix| prefix.parse().ok())
            .filter(|prefix| *prefix <= longest)
            .ok_or_else(|| NetworkError::Prefix {
                prefix: prefix.to_owned(),
                longest,
            })?;
        let network = Self { base, prefix };
        let meant = network.masked();
        if meant != network {
            return Err(NetworkError::HostBits {
                given: text.to_owned(),
                meant,
            });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == longest_prefix(self.base) {
            write!(f, "{}", self.base)
        } else {
            write!(f, "{}/{}", self.base, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network
            .parse::<Network>()
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        assert!(contains("10.0.0.0/8", "10.0.0.0") && contains("10.0.0.0/8", "10.255.255.255"));
        assert!(!contains("10.0.0.0/8", "9.255.255.255") && !contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("10.1.2.3", "10.1.2.3") && !contains("10.1.2.3", "10.1.2.2"));
        assert!(contains("0.0.0.0/0", "255.255.255.255") && contains("::/0", "ffff::"));
        assert!(contains("fd00::/8", "fdff:ffff::1") && !contains("fd00::/8", "fe00::"));
    }

    #[test]
    fn ipv4_and_ipv6_do_not_match_each_other() {
        assert!(!contains("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(!contains("::/0", "10.0.0.1"));
        assert!(!contains("0.0.0.0/0", "::1"));
    }

    #[test]
    fn a_wrong_network_is_named() {
        let error = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert_eq!(error("10.0.0/8"), "'10.0.0' is not an IP address");
        assert_eq!(
            error("10.0.0.0/33"),
            "'/33' is not a prefix length from 0 to 32"
        );
        assert_eq!(
            error("10.0.0.0/"),
            "'/' is not a prefix length from 0 to 32"
        );
        assert_eq!(
            error("10.0.0.0/+8"),
            "'/+8' is not a prefix length from 0 to 32"
        );
        assert_eq!(
            error("fd00::/129"),
            "'/129' is not a prefix length from 0 to 128"
        );
        assert_eq!(
            error("10.0.0.1/8"),
            "'10.0.0.1/8' has bits set behind its prefix; the network is '10.0.0.0/8'"
        );
        assert_eq!(
            error("1.2.3.4/0"),
            "'1.2.3.4/0' has bits set behind its prefix; the network is '0.0.0.0/0'"
        );
    }
}

//! Is this address one that the whole Internet may reach? A pure function over two tables.
//!
//! The blocks are those of the IANA special-purpose address registries (RFC 6890), refused as a
//! whole: a few anycast addresses inside them are globally reachable, but none serves images. IPv6
//! starts from the other end: only 2000::/3, the range IANA allocates from (RFC 4291 §2.4), can be
//! global at all.
//!
//! IPv4 addresses inside IPv6 ones are refused, not unwrapped, so that no spelling of `10.0.0.1`
//! gets through. On a network whose name servers synthesise NAT64 addresses (DNS64, RFC 6147) an
//! operator lists `64:ff9b::/96` in `--fetch-allow`. A translation prefix that an operator chose
//! himself inside 2000::/3 (RFC 6052 §2.2, RFC 5969) cannot be recognised.

use std::net::{IpAddr, Ipv6Addr};

use super::network::Network;

const REFUSED_V4: [Network; 17] = [
    Network::v4([0, 0, 0, 0], 8), // "this network", RFC 791 §3.2; Linux dials itself
    Network::v4([10, 0, 0, 0], 8), // private, RFC 1918
    Network::v4([100, 64, 0, 0], 10), // carrier-grade NAT, RFC 6598; Alibaba Cloud metadata
    Network::v4([127, 0, 0, 0], 8), // loopback, RFC 1122 §3.2.1.3
    Network::v4([168, 63, 129, 16], 32), // Azure's WireServer: the VM's own host answers
    Network::v4([169, 254, 0, 0], 16), // link-local, RFC 3927; cloud metadata
    Network::v4([172, 16, 0, 0], 12), // private, RFC 1918
    Network::v4([192, 0, 0, 0], 24), // IETF protocol assignments, RFC 6890; Oracle Cloud metadata
    Network::v4([192, 0, 2, 0], 24), // documentation, RFC 5737
    Network::v4([192, 88, 99, 0], 24), // 6to4 relay anycast, withdrawn by RFC 7526
    Network::v4([192, 168, 0, 0], 16), // private, RFC 1918
    Network::v4([198, 18, 0, 0], 15), // benchmarking, RFC 2544
    Network::v4([198, 51, 100, 0], 24), // documentation, RFC 5737
    Network::v4([203, 0, 113, 0], 24), // documentation, RFC 5737
    Network::v4([224, 0, 0, 0], 4), // multicast, RFC 5771
    Network::v4([240, 0, 0, 0], 4), // reserved, RFC 1112 §4
    Network::v4([255, 255, 255, 255], 32), // broadcast, RFC 919 (also in the line above)
];

// Outside it, among others: :: and ::1 (RFC 4291), IPv4-compatible ::/96 and IPv4-mapped
// ::ffff:0:0/96 (RFC 4291 §2.5.5), IPv4-translated ::ffff:0:0:0/96 (RFC 2765), NAT64 64:ff9b::/96
// (RFC 6052) and 64:ff9b:1::/48 (RFC 8215), discard 100::/64 (RFC 6666) and 100:0:0:1::/64 (RFC
// 9780), SRv6 SIDs 5f00::/16 (RFC 9602), unique-local fc00::/7 (RFC 4193), link-local fe80::/10
// (RFC 4291), site-local fec0::/10 (RFC 3879), multicast ff00::/8 (RFC 4291).
const GLOBAL_UNICAST_V6: Network = Network::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const REFUSED_V6: [Network; 4] = [
    // IETF protocol assignments, RFC 2928: Teredo 2001::/32 (RFC 4380, holds an IPv4 address),
    // benchmarking 2001:2::/48 (RFC 5180), ORCHID 2001:10::/28 and 2001:20::/28 (RFC 4843, RFC
    // 7343), drone tags 2001:30::/28 (RFC 9374).
    Network::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    Network::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation, RFC 3849
    Network::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),     // 6to4, RFC 3056: holds an IPv4 address
    Network::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),     // documentation, RFC 9637
];

/// Whether the address belongs to the public Internet, and so may be fetched from without anybody's
/// leave.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !REFUSED_V4.iter().any(|network| network.contains(address)),
        IpAddr::V6(v6) => {
            GLOBAL_UNICAST_V6.contains(address)
                && !REFUSED_V6.iter().any(|network| network.contains(address))
                && !is_isatap(v6)
        }
    }
}

/// ISATAP (RFC 5214 §6.1) puts `0000:5efe` or `0200:5efe` and an IPv4 address behind *any* prefix;
/// the two lowest bits of the first byte are the universal and group bits.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, flags, marker, _, _] = address.segments();
    flags & !0x0300 == 0 && marker == 0x5efe
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn global(address: &str) -> bool {
        is_global(
            address
                .parse()
                .unwrap_or_else(|_| panic!("'{address}' is an address")),
        )
    }

    /// Each refused block: the address before it, its first, its last, the address after it. A
    /// neighbour written with a leading `!` lies in another refused block (or outside 2000::/3).
    const BLOCKS: &[[&str; 4]] = &[
        ["!255.255.255.255", "0.0.0.0", "0.255.255.255", "1.0.0.0"],
        ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
        [
            "100.63.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "100.128.0.0",
        ],
        [
            "126.255.255.255",
            "127.0.0.0",
            "127.255.255.255",
            "128.0.0.0",
        ],
        [
            "168.63.129.15",
            "168.63.129.16",
            "168.63.129.16",
            "168.63.129.17",
        ],
        [
            "169.253.255.255",
            "169.254.0.0",
            "169.254.255.255",
            "169.255.0.0",
        ],
        [
            "172.15.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "172.32.0.0",
        ],
        ["191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"],
        ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"],
        [
            "192.88.98.255",
            "192.88.99.0",
            "192.88.99.255",
            "192.88.100.0",
        ],
        [
            "192.167.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "192.169.0.0",
        ],
        [
            "198.17.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.20.0.0",
        ],
        [
            "198.51.99.255",
            "198.51.100.0",
            "198.51.100.255",
            "198.51.101.0",
        ],
        [
            "203.0.112.255",
            "203.0.113.0",
            "203.0.113.255",
            "203.0.114.0",
        ],
        [
            "223.255.255.255",
            "224.0.0.0",
            "239.255.255.255",
            "!240.0.0.0",
        ],
        [
            "!239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
            "!0.0.0.0",
        ],
        // Everything below 2000::/3, with the blocks that have a name.
        [
            "!::",
            "::",
            "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2000::",
        ],
        ["!::", "::1", "::1", "!::2"],
        ["!::", "::", "::ffff:ffff", "!::1:0:0"],
        [
            "!::fffe:ffff:ffff",
            "::ffff:0:0",
            "::ffff:ffff:ffff",
            "!::1:0:0:0",
        ],
        ["!::", "::ffff:0:0:0", "::ffff:0:ffff:ffff", "!::ffff:1:0:0"],
        [
            "!64:ff9a::",
            "64:ff9b::",
            "64:ff9b::ffff:ffff",
            "!64:ff9b:0:0:0:1::",
        ],
        [
            "!64:ff9b::",
            "64:ff9b:1::",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "!64:ff9b:2::",
        ],
        ["!ff::", "100::", "100::ffff:ffff:ffff:ffff", "!100:0:0:1::"],
        // Inside 2000::/3.
        [
            "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001::",
            "2001:1ff:ffff::",
            "2001:200::",
        ],
        [
            "!2001::",
            "2001::1",
            "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
            "!2001:1::",
        ],
        [
            "!2001:1:ffff::",
            "2001:2::",
            "2001:2:0:ffff:ffff:ffff:ffff:ffff",
            "!2001:2:1::",
        ],
        ["!2001:f::", "2001:10::", "2001:3f:ffff::", "!2001:40::"],
        [
            "2001:db7:ffff::",
            "2001:db8::",
            "2001:db8:ffff:ffff::",
            "2001:db9::",
        ],
        ["2001:ffff:ffff::", "2002::", "2002:ffff:ffff::", "2003::"],
        [
            "3ffe:ffff:ffff::",
            "3fff::",
            "3fff:fff:ffff::",
            "3fff:1000::",
        ],
        // Everything above it.
        [
            "3fff:ffff:ffff::",
            "4000::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "!::",
        ],
        ["!5eff:ffff::", "5f00::", "5f00:ffff:ffff::", "!5f01::"],
        ["!fbff:ffff::", "fc00::", "fdff:ffff::", "!fe00::"],
        ["!fe7f:ffff::", "fe80::", "febf:ffff::", "!fec0::"],
        ["!febf:ffff::", "fec0::", "feff:ffff::", "!ff00::"],
        ["!feff:ffff::", "ff00::", "ff0e::1", "!::"],
    ];

    #[test]
    fn each_block_is_refused_from_its_first_to_its_last_address_and_no_further() {
        for [before, first, last, after] in BLOCKS {
            assert!(
                !global(first) && !global(last),
                "{first} to {last} is refused"
            );
            for neighbour in [before, after] {
                match neighbour.strip_prefix('!') {
                    Some(refused) => assert!(!global(refused), "{refused} is refused as well"),
                    None => assert!(global(neighbour), "{neighbour} is global"),
                }
            }
        }
    }

    #[test]
    fn metadata_services_are_refused() {
        for address in [
            "169.254.169.254", // AWS, Google, Azure, DigitalOcean, Hetzner, OpenStack
            "169.254.170.2",   // AWS ECS credentials
            "fd00:ec2::254",   // AWS over IPv6
            "fd20:ce::254",    // Google over IPv6
            "100.100.100.200", // Alibaba
            "192.0.0.192",     // Oracle
            "168.63.129.16",   // Azure WireServer
        ] {
            assert!(!global(address), "{address}");
        }
    }

    #[test]
    fn well_known_public_addresses_are_global() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.215.14",
            "2606:4700:4700::1111",
            "2a00::1",
        ] {
            assert!(global(address), "{address}");
        }
    }

    #[test]
    fn isatap_is_refused_behind_any_prefix() {
        assert!(!global("2a00:1450::5efe:8.8.8.8"));
        assert!(!global("2a00:1450::200:5efe:10.0.0.1"));
        assert!(
            global("2a00:1450::400:5efe:808:808"),
            "an ordinary interface identifier"
        );
    }

    proptest! {
        #[test]
        fn an_ipv4_address_inside_an_ipv6_one_is_always_refused(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            let embedded = [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | low),               // NAT64
                Ipv6Addr::from_bits((0x2002_u128 << 112) | (low << 80)),           // 6to4
                Ipv6Addr::from_bits((0x2001_0000_u128 << 96) | (low ^ 0xffff_ffff)), // Teredo
                Ipv6Addr::from_bits((0x2001_0000_u128 << 96) | (low << 64)),       // Teredo server
                Ipv6Addr::from_bits((0x2a00_u128 << 112) | (0x5efe_u128 << 32) | low), // ISATAP
            ];
            for address in embedded {
                prop_assert!(!is_global(IpAddr::V6(address)), "{address}");
            }
        }

        #[test]
        fn what_std_calls_special_is_refused(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_unspecified();
            prop_assert!(!(special && is_global(IpAddr::V4(v4))), "{v4}");
        }

        #[test]
        fn only_two_thousand_slash_three_is_global(bits: u128) {
            let v6 = Ipv6Addr::from_bits(bits);
            if is_global(IpAddr::V6(v6)) {
                prop_assert_eq!(v6.segments()[0] >> 13, 1);
                prop_assert!(!v6.is_loopback() && !v6.is_multicast() && !v6.is_unspecified());
                prop_assert!(!v6.is_unique_local() && !v6.is_unicast_link_local());
            }
        }
    }
}

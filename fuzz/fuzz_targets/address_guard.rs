//! Any bytes as an address, as a URL, as a redirect and as an allow rule: nothing panics, and nothing
//! that must be refused gets through.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use image_embed::fetch::address_guard::is_global;
use image_embed::fetch::{AllowRule, FetchPolicy, Host, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((bytes, rest)) = data.split_first_chunk::<16>() {
        check_ipv6(Ipv6Addr::from(*bytes));
        if let Ok(text) = std::str::from_utf8(rest) {
            check_texts(text);
        }
    }
    if let Some(bytes) = data.first_chunk::<4>() {
        check_ipv4(Ipv4Addr::from(*bytes));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        check_texts(text);
    }
});

fn check_ipv4(address: Ipv4Addr) {
    let special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_unspecified()
        || address.octets()[0] == 0
        || address.octets()[0] >= 224;
    assert!(!(special && is_global(IpAddr::V4(address))), "{address}");
    check_ipv6(address.to_ipv6_mapped());
    check_ipv6(address.to_ipv6_compatible());
}

fn check_ipv6(address: Ipv6Addr) {
    if !is_global(IpAddr::V6(address)) {
        return;
    }
    let segments = address.segments();
    assert_eq!(segments[0] >> 13, 1, "{address} is outside 2000::/3");
    assert!(address.to_ipv4().is_none(), "{address} is an IPv4 address");
    assert!(segments[0] != 0x2002, "{address} is 6to4");
    assert!(segments[..2] != [0x2001, 0], "{address} is Teredo");
    assert!(
        segments[..2] != [0x2001, 0xdb8],
        "{address} is documentation"
    );
    assert!(
        !matches!(segments[4..6], [0 | 0x0200, 0x5efe]),
        "{address} is ISATAP"
    );
}

fn check_texts(text: &str) {
    if let Ok(target) = Target::parse(text) {
        check_target(&target);
    }
    let base = Target::parse("https://images.test/a/b?c").expect("a good URL");
    if let Ok(target) = base.redirect(text) {
        check_target(&target);
    }
    if let Ok(rule) = text.parse::<AllowRule>() {
        let again = rule.to_string().parse::<AllowRule>();
        assert_eq!(again, Ok(rule), "a rule reads back");
    }
}

fn check_target(target: &Target) {
    let url = target.url();
    assert!(matches!(url.scheme(), "http" | "https"), "{url}");
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{url}"
    );
    assert_eq!(
        url.host().map(|host| host.to_owned()).as_ref(),
        Some(target.host())
    );
    assert_eq!(url.port_or_known_default(), Some(target.port()));
    // An address in the URL is judged as itself; no name is one in disguise.
    let policy = FetchPolicy::default();
    match target.host() {
        Host::Domain(name) => {
            assert!(!name.is_empty() && name.parse::<IpAddr>().is_err(), "{url}");
        }
        Host::Ipv4(address) => {
            check_ipv4(*address);
            let permitted = policy.permits(target.host(), target.port(), IpAddr::V4(*address));
            assert_eq!(permitted, is_global(IpAddr::V4(*address)));
        }
        Host::Ipv6(address) => {
            check_ipv6(*address);
            let permitted = policy.permits(target.host(), target.port(), IpAddr::V6(*address));
            assert_eq!(permitted, is_global(IpAddr::V6(*address)));
        }
    }
    // What was accepted is accepted again, as the same.
    let again = Target::parse(url.as_str()).expect("a normalised URL reads back");
    assert_eq!((again.host(), again.port()), (target.host(), target.port()));
}

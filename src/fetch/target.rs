//! The URL of one hop, checked for everything that can be seen without a name lookup.

use hyper::Uri;
use url::{Host, Position, Url};

use super::error::FetchError;

/// The longest host name DNS can carry, in characters (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;

/// An http or https URL with a host and without credentials.
///
/// The WHATWG parser has already turned every spelling of an IPv4 host (`2130706433`, `0x7f.1`,
/// `0177.0.0.1`, full-width digits) into [`Host::Ipv4`], so that the guard judges the address which
/// would be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
    path: Uri,
}

impl Target {
    /// Checks a URL as the user gave it.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        Self::check(Url::parse(text))
    }

    /// Where a redirect from here leads to: RFC 3986 §5 against this URL.
    pub fn redirect(&self, location: &str) -> Result<Self, FetchError> {
        Self::check(self.url.join(location))
    }

    fn check(parsed: Result<Url, url::ParseError>) -> Result<Self, FetchError> {
        let url = parsed.map_err(|error| FetchError::InvalidUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::UnsupportedScheme {
                scheme: url.scheme().to_owned(),
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::UserInfo);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(FetchError::InvalidUrl("it has no host".to_owned()));
        };
        let host = host.to_owned();
        if let Host::Domain(name) = &host
            && name.trim_end_matches('.').len() > LONGEST_HOST
        {
            let reason = format!("its host name is longer than {LONGEST_HOST} characters");
            return Err(FetchError::InvalidUrl(reason));
        }
        // Refuses what an HTTP/1.1 request line cannot carry, 64 KiB paths among them.
        let path = url[Position::BeforePath..Position::AfterQuery]
            .parse()
            .map_err(|error: hyper::http::uri::InvalidUri| {
                FetchError::InvalidUrl(error.to_string())
            })?;
        Ok(Self {
            url,
            host,
            port,
            path,
        })
    }

    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host: a name still to be resolved, or an address.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's own where the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The normalised URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The request line's target: path and query.
    pub(super) fn path(&self) -> &Uri {
        &self.path
    }

    /// The `Host` header: the host, and the port where it is not the scheme's own.
    pub(super) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The host as error texts name it.
    pub(super) fn name(&self) -> String {
        self.host.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn parse(text: &str) -> Target {
        Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &str) -> String {
        Target::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn every_spelling_of_an_ipv4_address_is_that_address() {
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0X7F.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://127.0.1/",
            "http://127.0.0.1./",
            "http://0x7f.0x0.0x0.0x1/",
            "http://１２７.0.0.1/",
            "http://127。0。0。1/",
            "http://%31%32%37.0.0.1/",
            "http:127.0.0.1",
            "http:\\\\127.0.0.1\\",
            " \thttp://127.0\n.0.1/ ",
        ] {
            assert_eq!(
                parse(text).host(),
                &Host::<String>::Ipv4(Ipv4Addr::LOCALHOST),
                "{text}"
            );
        }
    }

    #[test]
    fn every_spelling_of_an_ipv6_address_is_that_address() {
        for text in [
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::0.0.0.1]/",
        ] {
            assert_eq!(
                parse(text).host(),
                &Host::<String>::Ipv6(Ipv6Addr::LOCALHOST),
                "{text}"
            );
        }
        let mapped = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        for text in ["http://[::ffff:10.0.0.1]/", "http://[::FFFF:a00:1]/"] {
            assert_eq!(parse(text).host(), &Host::<String>::Ipv6(mapped), "{text}");
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for (text, scheme) in [
            ("file:///etc/passwd", "file"),
            ("ftp://example.com/a.png", "ftp"),
            ("data:image/png;base64,AAAA", "data"),
            ("gopher://example.com:70/_x", "gopher"),
            ("javascript:alert(1)", "javascript"),
            ("unix:/var/run/docker.sock", "unix"),
            ("ws://example.com/", "ws"),
        ] {
            assert_eq!(
                error(text),
                format!("the scheme '{scheme}' is not supported, only http and https are")
            );
        }
    }

    #[test]
    fn credentials_are_refused() {
        for text in [
            "http://a@b/",
            "http://a:b@c/",
            "http://:b@c/",
            "https://1.1.1.1@10.0.0.1/",
        ] {
            assert!(
                matches!(Target::parse(text), Err(FetchError::UserInfo)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_url_is_said_to_be_none() {
        assert_eq!(
            error("a.png"),
            "the URL is not valid: relative URL without a base"
        );
        assert_eq!(
            error(""),
            "the URL is not valid: relative URL without a base"
        );
        assert_eq!(error("http://"), "the URL is not valid: empty host");
        assert_eq!(
            error("http://a:99999/"),
            "the URL is not valid: invalid port number"
        );
        assert_eq!(
            error("http://1.2.3.4.5/"),
            "the URL is not valid: invalid IPv4 address"
        );
        assert_eq!(
            error("http://[fe80::1%25eth0]/"),
            "the URL is not valid: invalid IPv6 address"
        );
        let long_host = format!("http://{}/", "a.".repeat(200));
        assert_eq!(
            error(&long_host),
            "the URL is not valid: its host name is longer than 253 characters"
        );
        let long_path = format!("http://a/{}", "b".repeat(70_000));
        assert!(error(&long_path).starts_with("the URL is not valid: "));
    }

    #[test]
    fn the_request_carries_path_query_and_authority_but_no_fragment() {
        let target = parse("HTTP://Example.COM:80/ä b?c=d|e#f");
        assert_eq!(target.path(), "/%C3%A4%20b?c=d|e");
        assert_eq!(target.authority(), "example.com");
        let target = parse("https://[2001:db8::1]:8443");
        assert_eq!(target.path(), "/");
        assert_eq!(target.authority(), "[2001:db8::1]:8443");
        assert!(target.is_https() && target.port() == 8443);
    }

    #[test]
    fn a_redirect_is_resolved_against_the_url_it_came_from() {
        let from = parse("https://a.example/b/c?d");
        let to = |location: &str| from.redirect(location).unwrap().url().to_string();
        assert_eq!(to("e"), "https://a.example/b/e");
        assert_eq!(to("/e"), "https://a.example/e");
        assert_eq!(to("//f/e"), "https://f/e");
        assert_eq!(to("http://f/"), "http://f/");
        assert!(matches!(
            from.redirect("//u:p@f/"),
            Err(FetchError::UserInfo)
        ));
        assert!(matches!(
            from.redirect("file:///a"),
            Err(FetchError::UnsupportedScheme { .. })
        ));
    }
}

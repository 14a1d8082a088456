//! The URL of one hop, checked for everything that can be seen without a name lookup.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, ParseError, Position, Url};

use super::error::FetchError;

/// The longest host name DNS can carry, in characters (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;
/// The longest path and query, in bytes.
const LONGEST_PATH: usize = 64 << 10;

/// All but what RFC 3986 §3.3 and §3.4 have in a path and a query. Many servers refuse anything else
/// (`|`, `[`, `^`), which browsers send as it is. What is encoded already stays so.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~') // unreserved
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')') // sub-delims
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?')
    .remove(b'%');

/// An http or https URL with a host. A user name and password in it are taken out.
///
/// The WHATWG parser has already turned every spelling of an IPv4 host (`2130706433`, `0x7f.1`,
/// `0177.0.0.1`, full-width digits) into [`Host::Ipv4`], so that the guard judges the address which
/// would be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
    path: String,
    /// Sensitive: never shown.
    authorization: Option<HeaderValue>,
}

impl Target {
    /// Checks a URL as the user gave it.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let url = Url::parse(text).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase => FetchError::NoScheme,
            error => FetchError::InvalidUrl(error.to_string()),
        })?;
        // `example.org:8080/a.png` has the scheme `example.org`, to the letter.
        if url.scheme().contains('.') || url.scheme() == "localhost" {
            return Err(FetchError::NoScheme);
        }
        let authorization = authorization(&url);
        let mut target = Self::check(url)?;
        target.authorization = authorization;
        Ok(target)
    }

    /// Where a redirect from here leads to: RFC 3986 §5 against this URL. User name and password go
    /// along to the same server only, and none are taken from the redirect.
    pub fn redirect(&self, location: &str) -> Result<Self, FetchError> {
        let url = self.url.join(location);
        let mut target =
            Self::check(url.map_err(|error| FetchError::InvalidUrl(error.to_string()))?)?;
        if self.shares_credentials_with(&target) {
            target.authorization.clone_from(&self.authorization);
        }
        Ok(target)
    }

    /// The same host and port under the same scheme, or the same host from http to https at their own
    /// ports.
    fn shares_credentials_with(&self, other: &Self) -> bool {
        let same = self.is_https() == other.is_https() && self.port == other.port;
        let secured = (self.is_https(), self.port) == (false, 80)
            && (other.is_https(), other.port) == (true, 443);
        self.host == other.host && (same || secured)
    }

    fn check(mut url: Url) -> Result<Self, FetchError> {
        match url.scheme() {
            "http" | "https" => {}
            "data" => return Err(FetchError::DataUrl),
            scheme => {
                return Err(FetchError::UnsupportedScheme {
                    scheme: scheme.to_owned(),
                });
            }
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
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        if cleared.is_err() {
            return Err(FetchError::InvalidUrl(
                "its user name is misplaced".to_owned(),
            ));
        }
        let path = request_target(&url);
        if path.len() > LONGEST_PATH {
            let reason = format!("its path and query are longer than {LONGEST_PATH} bytes");
            return Err(FetchError::InvalidUrl(reason));
        }
        Ok(Self {
            url,
            host,
            port,
            path,
            authorization: None,
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
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The `Host` header: the host, and the port where it is not the scheme's own.
    pub(super) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The `Authorization` header, if the URL had a user name and a password.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The host as error texts name it.
    pub(super) fn name(&self) -> String {
        self.host.to_string()
    }
}

/// Path and query. A `%` that begins no encoded byte (`100%.png`) is taken for itself.
fn request_target(url: &Url) -> String {
    let text = &url[Position::BeforePath..Position::AfterQuery];
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    let mut pieces = encoded.split('%');
    let mut target = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        target.push_str(if begins_with_a_byte(piece) {
            "%"
        } else {
            "%25"
        });
        target.push_str(piece);
    }
    target
}

fn begins_with_a_byte(after_percent: &str) -> bool {
    let digits = after_percent.as_bytes().first_chunk::<2>();
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Basic authentication (RFC 7617) with the URL's user name and password; both are needed. In Latin-1 as
/// far as it goes, as `requests` has it.
fn authorization(url: &Url) -> Option<HeaderValue> {
    let credentials = format!("{}:{}", url.username(), url.password()?);
    let credentials = percent_decode_str(&credentials).decode_utf8_lossy();
    let latin1: Result<Vec<u8>, _> = credentials.chars().map(u8::try_from).collect();
    let credentials = latin1.unwrap_or_else(|_| credentials.as_bytes().to_vec());
    let mut header =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(credentials))).ok()?;
    header.set_sensitive(true);
    Some(header)
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
    fn credentials_are_taken_out_of_the_url_and_both_are_needed() {
        let sent = |text: &str| {
            let target = parse(text);
            assert!(!target.url().as_str().contains('@'), "{}", target.url());
            let header = target.authorization()?.to_str().expect("ASCII");
            let decoded = STANDARD.decode(header.strip_prefix("Basic ")?);
            Some(String::from_utf8(decoded.expect("base64")).expect("UTF-8"))
        };
        assert_eq!(sent("http://a:b@c/").as_deref(), Some("a:b"));
        assert_eq!(sent("http://:b@c/").as_deref(), Some(":b"));
        assert_eq!(sent("http://a%40b:c%3Ad@e/").as_deref(), Some("a@b:c:d"));
        assert_eq!(sent("http://\u{4f60}:b@c/").as_deref(), Some("\u{4f60}:b"));
        assert_eq!(sent("http://a@b/"), None);
        assert_eq!(sent("http://a:@b/"), None);
        let target = parse("https://1.1.1.1:2@10.0.0.1/");
        assert_eq!(
            target.host(),
            &Host::<String>::Ipv4(Ipv4Addr::new(10, 0, 0, 1))
        );
    }

    #[test]
    fn credentials_go_along_to_the_same_server_only() {
        for (from, to, goes) in [
            ("http://a:b@c/", "/d", true),
            ("http://a:b@c/", "http://C:80/d", true),
            ("http://a:b@c/", "https://c/d", true),
            ("https://a:b@c/", "http://c/d", false),
            ("http://a:b@c/", "http://c:81/d", false),
            ("http://a:b@c:81/", "https://c/d", false),
            ("http://a:b@c/", "http://e/d", false),
            ("http://a:b@c/", "http://a:b@e/d", false),
            ("http://a:b@c/", "http://www.c/d", false),
        ] {
            let target = parse(from).redirect(to).expect("a URL");
            assert_eq!(target.authorization().is_some(), goes, "{from} to {to}");
        }
    }

    #[test]
    fn what_is_no_url_is_said_to_be_none() {
        for text in [
            "a.png",
            "",
            "//a.test/b.png",
            "a.test:8080/b.png",
            "localhost:8080/b.png",
        ] {
            assert_eq!(
                error(text),
                "the URL has no scheme; perhaps 'https://' is missing at its beginning"
            );
        }
        assert_eq!(
            error("data:image/png;base64,AAAA"),
            "a data: URL cannot be downloaded; upload the image instead"
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
        let target = parse("  HTTP://Example.COM:80/ä b?c=d|e#f\n");
        assert_eq!(target.path(), "/%C3%A4%20b?c=d%7Ce");
        assert_eq!(target.authority(), "example.com");
        let target = parse("https://[2001:db8::1]:8443");
        assert_eq!(target.path(), "/");
        assert_eq!(target.authority(), "[2001:db8::1]:8443");
        assert!(target.is_https() && target.port() == 8443);
    }

    #[test]
    fn a_path_and_a_query_go_out_as_strict_servers_want_them() {
        for (text, path) in [
            ("/a[1]|{b}^`\"<>", "/a%5B1%5D%7C%7Bb%7D%5E%60%22%3C%3E"),
            ("/a\\b", "/a/b"),
            ("/a/../b/./c", "/b/c"),
            ("/?X-Sig=a%2Fb%3D&e=1+2", "/?X-Sig=a%2Fb%3D&e=1+2"),
            ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"),
            ("/%7ea%2fb", "/%7ea%2fb"),
            ("/100%.png", "/100%25.png"),
            ("/100%?a=5%", "/100%25?a=5%25"),
            ("/a?", "/a?"),
            ("?a", "/?a"),
            ("", "/"),
        ] {
            assert_eq!(parse(&format!("http://a{text}")).path(), path, "{text}");
        }
        assert_eq!(
            parse("http:///b.png").host(),
            &Host::Domain("b.png".to_owned())
        );
        let host = parse("http://B\u{fc}cher.example/").authority().to_owned();
        assert_eq!(host, "xn--bcher-kva.example");
    }

    #[test]
    fn a_redirect_is_resolved_against_the_url_it_came_from() {
        let from = parse("https://a.example/b/c?d");
        let to = |location: &str| from.redirect(location).unwrap().url().to_string();
        assert_eq!(to("e"), "https://a.example/b/e");
        assert_eq!(to("/e"), "https://a.example/e");
        assert_eq!(to("//f/e"), "https://f/e");
        assert_eq!(to("http://f/"), "http://f/");
        assert_eq!(to("//u:p@f/"), "https://f/");
        assert!(matches!(
            from.redirect("file:///a"),
            Err(FetchError::UnsupportedScheme { .. })
        ));
    }
}

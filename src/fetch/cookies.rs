//! Cookies of one chain of redirects: servers that let nobody pass without the cookie they just set
//! are common, and nothing of it outlives the fetch.

use cookie_store::CookieStore;
use hyper::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// The longest `Set-Cookie` that is kept, as in browsers (RFC 6265 §6.1 asks for as many).
const LONGEST_COOKIE: usize = 4096;
/// The most cookies of one chain.
const MOST_COOKIES: usize = 64;
/// The longest `Cookie` that is sent: servers refuse longer heads.
const LONGEST_HEADER: usize = 8 << 10;

/// What the servers of a chain have set so far.
#[derive(Default)]
pub(super) struct Cookies {
    store: CookieStore,
    kept: usize,
}

impl Cookies {
    /// Keeps what an answer from this URL sets, as far as it may.
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            if cookie.len() > LONGEST_COOKIE || self.kept == MOST_COOKIES {
                continue;
            }
            if let Ok(cookie) = std::str::from_utf8(cookie.as_bytes())
                && self.store.parse(cookie, url).is_ok()
            {
                self.kept += 1;
            }
        }
    }

    /// The `Cookie` header for a request to this URL, if there are any for it.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let pairs: Vec<String> = self
            .store
            .get_request_values(url)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let header = pairs.join("; ");
        if header.is_empty() || header.len() > LONGEST_HEADER {
            return None;
        }
        let mut header = HeaderValue::from_str(&header).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(from: &str, set: &[&str], to: &str) -> String {
        let mut headers = HeaderMap::new();
        for cookie in set {
            headers.append(SET_COOKIE, cookie.parse().expect("a value"));
        }
        let mut cookies = Cookies::default();
        cookies.keep(&Url::parse(from).expect("a URL"), &headers);
        let header = cookies.header(&Url::parse(to).expect("a URL"));
        header.map_or(String::new(), |header| {
            header.to_str().expect("ASCII").to_owned()
        })
    }

    #[test]
    fn a_cookie_goes_to_its_own_host_path_and_scheme() {
        let here = "http://a.test/b/c";
        assert_eq!(sent(here, &["k=v"], "http://a.test/b/d"), "k=v");
        assert_eq!(sent(here, &["k=v; Path=/"], "http://a.test/"), "k=v");
        assert_eq!(sent(here, &["k=v"], "http://a.test/e"), "");
        for other in ["http://b.test/b/c", "http://www.a.test/b/c", "http://test/"] {
            assert_eq!(sent(here, &["k=v"], other), "", "{other}");
        }
        let secure = ["k=v; Secure; Path=/"];
        let https = "https://a.test/";
        assert_eq!(sent(https, &secure, "http://a.test/"), "");
        assert_eq!(sent(https, &secure, https), "k=v");
        let address = "http://127.0.0.1:81/";
        assert_eq!(sent(address, &["k=v"], "http://127.0.0.1:82/"), "k=v");
    }

    #[test]
    fn a_domain_may_name_a_parent_of_the_host_and_nobody_else() {
        let domain = ["k=v; Domain=.a.test; Path=/"];
        assert_eq!(sent("http://www.a.test/", &domain, "http://a.test/"), "k=v");
        assert_eq!(sent("http://b.test/", &domain, "http://a.test/"), "");
        let address = ["k=v; Domain=0.0.1; Path=/"];
        assert_eq!(sent("http://127.0.0.1/", &address, "http://10.0.0.1/"), "");
    }

    #[test]
    fn what_is_no_cookie_or_too_much_is_not_kept() {
        let here = "http://a.test/";
        assert_eq!(sent(here, &["k=v; Max-Age=0", "", "=", ";"], here), "");
        assert_eq!(sent(here, &[&format!("k={}", "v".repeat(4096))], here), "");
        let many: Vec<String> = (0..100).map(|number| format!("k{number}=v")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(sent(here, &many, here).split("; ").count(), MOST_COOKIES);
        let large: Vec<String> = (0..3)
            .map(|number| format!("k{number}={}", "v".repeat(4000)))
            .collect();
        let large: Vec<&str> = large.iter().map(String::as_str).collect();
        assert_eq!(sent(here, &large, here), "");
    }
}

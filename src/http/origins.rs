//! Which hosts and sites a browser may come from.
//!
//! A page on another site can make a browser send a form here, or point its own name at this machine (DNS rebinding) and then read
//! the answers too. Programs send neither `Origin` nor `Sec-Fetch-Site`, and are not concerned.

use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer, ExposeHeaders};

use crate::http::AppState;
use crate::http::error::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whom the server takes for its own and its friends.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Names that a request may be for; None for any.
    hosts: Option<Vec<String>>,
    /// Other sites that may ask, as browsers name them.
    sites: Sites,
}

/// Sites that may ask from a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sites {
    /// Every site.
    All,
    /// These, e.g. `https://photos.example.com`.
    Listed(Vec<HeaderValue>),
}

impl Default for Sites {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Origins {
    /// Rules for a server that listens on `address`: if only this machine can reach that, a request must be for this machine or for
    /// one of `hosts`; else for one of `hosts` if there are any.
    #[must_use]
    pub fn new(address: IpAddr, hosts: &[String], sites: Sites) -> Self {
        let any = hosts.is_empty() && !address.is_loopback();
        let hosts = hosts.iter().map(|host| plain(host)).collect();
        Self {
            hosts: (!any).then_some(hosts),
            sites,
        }
    }

    /// Lets the pages of other sites read answers, where that is allowed.
    pub(super) fn cors(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST])
            // A `*` would not let `authorization` in (Fetch standard, CORS-safelisted and wildcard headers).
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(ExposeHeaders::any());
        match &self.sites {
            Sites::All => layer.allow_origin(Any),
            Sites::Listed(sites) => layer.allow_origin(AllowOrigin::list(sites.iter().cloned())),
        }
    }

    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        // No browser leaves it empty: every name that could be bound to this machine is one.
        let host = headers.get(header::HOST).map(text);
        let host = host.filter(|host| !host.trim().is_empty());
        if let (Some(hosts), Some(host)) = (&self.hosts, &host) {
            let name = plain(host);
            if !is_this_machine(&name) && !hosts.contains(&name) {
                return Err(ApiError::OtherHost(name));
            }
        }
        if method.is_safe() {
            return Ok(());
        }
        let origin = headers.get(header::ORIGIN);
        let from_here = match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            Some(site) => matches!(site, b"same-origin" | b"none"),
            None => origin.is_none_or(|origin| {
                let of_origin = text(origin);
                let of_origin = of_origin.split_once("://").map(|(_, host)| host);
                of_origin.is_some_and(|it| host.as_deref() == Some(it))
            }),
        };
        let allowed = match (&self.sites, origin) {
            (Sites::All, _) => true,
            (Sites::Listed(sites), Some(origin)) => sites.contains(origin),
            (Sites::Listed(_), None) => false,
        };
        if from_here || allowed {
            return Ok(());
        }
        let site = origin.map_or_else(|| "unknown".to_owned(), text);
        Err(ApiError::OtherSite(site))
    }
}

impl FromStr for Sites {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        if list.trim() == "*" {
            return Ok(Self::All);
        }
        let sites = list.split(',').map(|site| {
            let site = site.trim();
            let url = url::Url::parse(site).ok();
            let origin = url.map(|url| url.origin().ascii_serialization());
            match origin {
                Some(origin) if origin == site => {
                    HeaderValue::from_str(site).map_err(|error| error.to_string())
                }
                _ => Err(format!(
                    "'{site}' is no origin; one looks like https://photos.example.com or http://localhost:3000"
                )),
            }
        });
        sites.collect::<Result<_, _>>().map(Self::Listed)
    }
}

/// Refuses what a browser sends for another host, or from another site.
pub(super) async fn check(
    State(app): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    app.origins.check(request.method(), request.headers())?;
    Ok(next.run(request).await)
}

/// A host's name without its port, in lower case.
fn plain(host: &str) -> String {
    let parsed: Result<Authority, _> = host.trim().parse();
    let name = parsed.as_ref().map_or(host, Authority::host);
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn is_this_machine(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = address.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

fn text(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn outcome(origins: &Origins, method: Method, headers: &[(&'static str, &str)]) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        match origins.check(&method, &headers) {
            Ok(()) => "taken".to_owned(),
            Err(ApiError::OtherHost(_)) => "another host".to_owned(),
            Err(ApiError::OtherSite(_)) => "another site".to_owned(),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_server_for_this_machine_is_not_reached_under_another_name() {
        let hosts = ["Photos.example.com".to_owned()];
        let origins = Origins::new(Ipv4Addr::LOCALHOST.into(), &hosts, Sites::default());
        for (host, expected) in [
            ("localhost:8000", "taken"),
            ("LOCALHOST", "taken"),
            ("127.0.0.1:8000", "taken"),
            ("127.9.9.9", "taken"),
            ("[::1]:8000", "taken"),
            ("app.localhost", "taken"),
            ("photos.example.com.", "taken"),
            ("evil.example", "another host"),
            ("localhost.evil.example:8000", "another host"),
            ("192.168.0.9", "another host"),
            ("notlocalhost", "another host"),
            (".", "another host"),
        ] {
            let found = outcome(&origins, Method::GET, &[("host", host)]);
            assert_eq!(found, expected, "{host}");
        }
        assert_eq!(outcome(&origins, Method::GET, &[]), "taken", "HTTP/1.0");
        let network = Origins::new(Ipv4Addr::UNSPECIFIED.into(), &[], Sites::default());
        assert_eq!(outcome(&network, Method::GET, &[("host", "any")]), "taken");
        let named = Origins::new(Ipv4Addr::UNSPECIFIED.into(), &hosts, Sites::default());
        let other = outcome(&named, Method::GET, &[("host", "any")]);
        assert_eq!(other, "another host");
    }

    #[test]
    fn an_empty_host_is_as_good_as_none() {
        let origins = Origins::new(Ipv4Addr::LOCALHOST.into(), &[], Sites::default());
        let post = |headers: &[(&'static str, &str)]| outcome(&origins, Method::POST, headers);
        assert_eq!(post(&[("host", "")]), "taken");
        assert_eq!(post(&[("host", " ")]), "taken");
        for origin in ["http://", "http://evil.example"] {
            let from_a_page = [("host", ""), ("origin", origin)];
            assert_eq!(post(&from_a_page), "another site", "{origin}");
        }
    }

    #[test]
    fn a_page_of_another_site_sends_nothing_unless_it_is_listed() {
        let sites = "https://a.example, http://b.example:3000".parse().unwrap();
        let origins = Origins::new(Ipv4Addr::UNSPECIFIED.into(), &[], sites);
        let here = ("host", "me:8000");
        let post = |headers: &[(&'static str, &str)]| outcome(&origins, Method::POST, headers);
        assert_eq!(post(&[here]), "taken", "a program");
        assert_eq!(post(&[here, ("sec-fetch-site", "same-origin")]), "taken");
        assert_eq!(post(&[here, ("sec-fetch-site", "none")]), "taken");
        assert_eq!(post(&[here, ("origin", "http://me:8000")]), "taken");
        for site in ["cross-site", "same-site", "x"] {
            assert_eq!(post(&[here, ("sec-fetch-site", site)]), "another site");
        }
        for origin in ["null", "http://evil.example", "http://me:9", "me:8000"] {
            assert_eq!(
                post(&[here, ("origin", origin)]),
                "another site",
                "{origin}"
            );
        }
        let listed = [
            here,
            ("origin", "https://a.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert_eq!(post(&listed), "taken");
        let look = [here, ("origin", "http://evil.example")];
        assert_eq!(
            outcome(&origins, Method::GET, &look),
            "taken",
            "the browser hides the answer"
        );
    }

    #[test]
    fn sites_are_origins_or_all() {
        assert_eq!("*".parse(), Ok(Sites::All));
        for bad in [
            "",
            "example.com",
            "https://a.example/",
            "https://a.example/x",
            "a, b",
        ] {
            let error = bad.parse::<Sites>().unwrap_err();
            assert!(error.contains("is no origin"), "{error}");
        }
    }
}

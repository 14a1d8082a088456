//! Who may ask, and how often.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use image_embed::fetch::FetchPolicy;
use image_embed::http::{Access, HttpLimits, Keys, router};
use serde_json::json;
use tower::ServiceExt as _;

use crate::support::{ask, empty, get, limits, refusal, send, state, tiny_png, upload};

const KEYS: &str = "ann:key-of-ann-0123456789,bob:key-of-bob-0123456789";

fn app(limits: HttpLimits, requests_per_minute: Option<u32>) -> Router {
    let mut state = state(empty().path(), FetchPolicy::default(), limits);
    let keys = Arc::new(Keys::new(KEYS, None).unwrap());
    let rate = requests_per_minute.and_then(NonZeroU32::new);
    state.access = Arc::new(Access::new(keys, rate));
    router(state)
}

fn with_key(mut request: Request<Body>, key: &str) -> Request<Body> {
    let value = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert("authorization", value);
    request
}

fn analysis() -> Request<Body> {
    upload("i", &tiny_png(), "[]")
}

fn of(name: &str) -> Request<Body> {
    with_key(analysis(), &format!("key-of-{name}-0123456789"))
}

#[tokio::test]
async fn without_a_key_only_health_and_documentation_are_answered() {
    let app = app(limits(), None);
    for path in ["/health", "/ready", "/openapi.json", "/docs/"] {
        assert_ne!(send(&app, get(path)).await.status(), 401, "{path}");
    }
    let asks = || {
        [
            get("/available_operations/"),
            get("/available_operations"),
            get("/classifiers/"),
            analysis(),
        ]
    };
    for request in asks() {
        let path = request.uri().clone();
        let response = send(&app, request).await;
        assert_eq!(response.status(), 401, "{path}");
        let challenge = &response.headers()["www-authenticate"];
        assert_eq!(challenge, "Bearer realm=\"image-embed\"");
    }
    for request in asks() {
        let response = send(&app, with_key(request, "key-of-ann-0123456780")).await;
        let challenge = &response.headers()["www-authenticate"];
        assert_eq!(
            challenge,
            "Bearer realm=\"image-embed\", error=\"invalid_token\""
        );
    }
    for request in asks() {
        let response = send(&app, with_key(request, "key-of-ann-0123456789")).await;
        assert_eq!(response.status(), 200);
    }
    let mut request = analysis();
    let value = "key-of-bob-0123456789".parse().unwrap();
    request.headers_mut().insert("x-api-key", value);
    assert_eq!(send(&app, request).await.status(), 200);
    let (status, detail) = refusal(&app, analysis()).await;
    assert_eq!(status, 401);
    assert!(detail.contains("authorization: Bearer KEY"), "{detail}");
}

#[tokio::test]
async fn the_documentation_says_that_a_key_is_wanted() {
    let with_keys = app(limits(), None);
    let without = router(state(empty().path(), FetchPolicy::default(), limits()));
    for (app, first) in [(with_keys, json!({"bearer": []})), (without, json!({}))] {
        let (_, document) = ask(&app, get("/openapi.json")).await;
        let schemes = &document["components"]["securitySchemes"];
        assert_eq!(schemes["bearer"]["scheme"], "bearer");
        assert_eq!(schemes["x-api-key"]["name"], "x-api-key");
        let paths = &document["paths"];
        for operation in [
            &paths["/analyze_image/"]["post"],
            &paths["/analyze_image_upload/"]["post"],
            &paths["/available_operations/"]["get"],
            &paths["/classifiers/"]["get"],
        ] {
            assert_eq!(operation["security"][0], first);
            assert!(operation["responses"]["401"].is_object());
        }
        assert_eq!(paths["/health"]["get"].get("security"), None);
    }
}

#[tokio::test]
async fn a_caller_who_floods_leaves_places_to_the_others() {
    let limits = HttpLimits {
        max_in_flight: 8,
        ..limits()
    };
    let app = app(limits, None);
    // Unread answers keep their places.
    let mut anns = Vec::new();
    loop {
        let response = app.clone().oneshot(of("ann")).await.unwrap();
        if response.status() != 200 {
            break;
        }
        anns.push(response);
    }
    assert_eq!(anns.len(), 7);
    let (status, detail) = refusal(&app, of("ann")).await;
    assert_eq!(status, 429);
    assert!(detail.contains("working on 7 of your requests"), "{detail}");
    assert_eq!(send(&app, of("bob")).await.status(), 200);
    drop(anns);
    assert_eq!(send(&app, of("ann")).await.status(), 200);
}

#[tokio::test]
async fn a_caller_who_asks_too_often_is_told_when_to_come_back() {
    let app = app(limits(), Some(2));
    for _ in 0..2 {
        assert_eq!(send(&app, of("ann")).await.status(), 200);
    }
    let response = send(&app, of("ann")).await;
    assert_eq!(response.status(), 429);
    let after: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((20..=30).contains(&after), "{after}");
    assert_eq!(send(&app, of("bob")).await.status(), 200);
    let look = with_key(get("/available_operations/"), "key-of-ann-0123456789");
    assert_eq!(send(&app, look).await.status(), 200, "a look costs nothing");
}

/// Medians of interleaved rounds, as the machine may have other work.
#[tokio::test]
async fn a_nearly_right_key_is_refused_no_later_than_any_other() {
    let app = app(limits(), None);
    let wrong = ["key-of-ann-0123456780", "xey-of-ann-0123456789", "x"];
    let mut times = wrong.map(|_| Vec::new());
    for _ in 0..400 {
        for (key, times) in wrong.iter().zip(&mut times) {
            let began = Instant::now();
            let response = send(&app, with_key(get("/classifiers/"), key)).await;
            times.push(began.elapsed());
            assert_eq!(response.status(), 401);
        }
    }
    let medians = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let least = *medians.iter().min().unwrap();
    let most = *medians.iter().max().unwrap();
    assert!(
        most < least.mul_f64(1.5) + Duration::from_micros(20),
        "{medians:?}"
    );
}

#[tokio::test]
async fn a_listed_site_s_page_may_send_a_key_and_no_other_site_s_may() {
    let mut state = state(empty().path(), FetchPolicy::default(), limits());
    let preflight = || {
        Request::options("/analyze_image/")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .body(Body::empty())
            .unwrap()
    };
    let closed = send(&router(state.clone()), preflight()).await;
    assert_eq!(closed.headers().get("access-control-allow-origin"), None);
    let sites = "https://a.example".parse().unwrap();
    let address = std::net::Ipv4Addr::UNSPECIFIED.into();
    state.origins = Arc::new(image_embed::http::Origins::new(address, &[], sites));
    let open = send(&router(state), preflight()).await;
    let allowed = |name: &str| open.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(allowed("access-control-allow-origin"), "https://a.example");
    assert!(allowed("access-control-allow-headers").contains("authorization"));
}

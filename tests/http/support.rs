//! The application in this process, without a socket, and the requests the tests send it.

#[path = "../assets/mod.rs"]
mod assets;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use engine::{Engine, EngineConfig, Lineup, MemoryBudget};
use http_body_util::BodyExt;
use image_embed::fetch::{FetchPolicy, Fetcher};
use image_embed::http::{AppState, HttpLimits, router};
use imaging::{ExifOrientation, Limits};
use models::{Placement, Precision};
use serde_json::Value;
use tower::ServiceExt;
use weights::{Store, StoreConfig};

pub(crate) use assets::asset;

/// A folder without weights.
pub(crate) fn empty() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A look at `path`.
pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The service on the weights in `weights_dir`, with default limits.
pub(crate) fn app(weights_dir: &Path) -> Router {
    app_with(weights_dir, FetchPolicy::default(), limits())
}

/// The service under other limits.
pub(crate) fn app_with(weights_dir: &Path, policy: FetchPolicy, limits: HttpLimits) -> Router {
    router(state(weights_dir, policy, limits))
}

/// The service on these weights and the classifiers in `classifiers_dir`.
pub(crate) fn app_with_classifiers(weights_dir: &Path, classifiers_dir: &Path) -> Router {
    let classifiers_dir = Some(classifiers_dir.to_owned());
    let policy = FetchPolicy::default();
    router(state_with(weights_dir, classifiers_dir, policy, limits()))
}

/// What the router shares among its handlers.
pub(crate) fn state(weights_dir: &Path, policy: FetchPolicy, limits: HttpLimits) -> AppState {
    state_with(weights_dir, None, policy, limits)
}

fn state_with(
    weights_dir: &Path,
    classifiers_dir: Option<PathBuf>,
    policy: FetchPolicy,
    limits: HttpLimits,
) -> AppState {
    let mut config = StoreConfig::from_env().unwrap();
    config.weights_dir = Some(weights_dir.to_owned());
    config.offline = true;
    let engine = Engine::new(EngineConfig {
        store: Store::new(config),
        classifiers_dir,
        placement: Placement::new(Precision::F32),
        lineup: Lineup::default(),
        max_batch: NonZeroUsize::MIN,
        memory: MemoryBudget::of(256 << 20),
        cache_bytes: 0,
        threads: NonZeroUsize::new(2).unwrap(),
        image_limits: Limits::default(),
        exif_orientation: ExifOrientation::Ignore,
    });
    AppState::new(
        Arc::new(engine.unwrap()),
        Fetcher::new(policy).unwrap(),
        limits,
    )
}

/// The defaults of the command line.
pub(crate) fn limits() -> HttpLimits {
    HttpLimits {
        max_tasks: 256,
        strict: false,
        max_image_bytes: 32 << 20,
        encoded_bytes: 192 << 20,
        max_crop_bytes: 256 << 20,
        max_in_flight: 64,
        body_idle_timeout: Duration::from_secs(15),
        request_timeout: Duration::from_secs(120),
        max_connections: 1024,
        shutdown_grace: Duration::from_secs(30),
    }
}

/// A request to look at the image `file` under `tasks`, as a browser's form would send it.
pub(crate) fn upload(file_name: &str, file: &[u8], tasks: &str) -> Request<Body> {
    let parts = [
        part(
            &format!("name=\"image_file\"; filename=\"{file_name}\""),
            file,
        ),
        part("name=\"tasks_json\"", tasks.as_bytes()),
    ];
    form(&parts)
}

/// One part of a form, e.g. `name="tasks_json"`.
pub(crate) fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let mut part =
        format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").into_bytes();
    part.extend_from_slice(content);
    part.extend_from_slice(b"\r\n");
    part
}

/// A form of these parts, sent to the upload route.
pub(crate) fn form(parts: &[Vec<u8>]) -> Request<Body> {
    let mut body = parts.concat();
    body.extend_from_slice(b"--XX--\r\n");
    Request::post("/analyze_image_upload/")
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(Body::from(body))
        .unwrap()
}

/// A JSON body, sent to the URL route.
pub(crate) fn post_json(body: impl Into<String>) -> Request<Body> {
    Request::post("/analyze_image/")
        .header("content-type", "application/json")
        .body(Body::from(body.into()))
        .unwrap()
}

/// Sends a request and gives the answer whole.
pub(crate) async fn send(app: &Router, request: Request<Body>) -> Response<Vec<u8>> {
    let response = app.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes().to_vec())
}

/// Sends a request and gives its status and its JSON.
pub(crate) async fn ask(app: &Router, request: Request<Body>) -> (u16, Value) {
    let response = send(app, request).await;
    let body = serde_json::from_slice(response.body()).unwrap_or_else(|error| {
        panic!("{error} in {:?}", String::from_utf8_lossy(response.body()));
    });
    (response.status().as_u16(), body)
}

/// Sends a request that must be refused, and gives its status and `detail`.
pub(crate) async fn refusal(app: &Router, request: Request<Body>) -> (u16, String) {
    let (status, body) = ask(app, request).await;
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    (status, body["detail"].as_str().unwrap().to_owned())
}

/// A tiny picture, losslessly encoded.
pub(crate) fn tiny_png() -> Vec<u8> {
    let image = imaging::RgbImage::from_raw(2, 1, vec![255, 0, 0, 0, 0, 255]).unwrap();
    imaging::encode_png(&image).unwrap()
}

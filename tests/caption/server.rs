//! A server that speaks the upload route, captions what it is sent by its name and bytes, and misbehaves on demand.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// What a test wants of it.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// How long it thinks about an image.
    pub(crate) delay: Duration,
    /// The only API key that it takes.
    pub(crate) key: Option<&'static str>,
    /// What it says of its weights.
    pub(crate) untrained: Option<&'static str>,
    /// What it answers instead of anything else: a status and a `location`.
    pub(crate) instead: Option<(u16, &'static str)>,
    /// Put before every caption.
    pub(crate) prefix: String,
}

/// Ends, with all its connections, when dropped.
pub(crate) struct Server {
    _runtime: Runtime,
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What it was sent.
#[derive(Default)]
struct Seen {
    uploads: HashMap<String, usize>,
    authorization: Vec<Option<String>>,
    params: Vec<Value>,
}

impl Server {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        Self::start_on(([127, 0, 0, 1], 0).into(), behaviour)
    }

    pub(crate) fn start_on(address: SocketAddr, behaviour: Behaviour) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(address))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let router = Router::new()
            .route("/analyze_image_upload/", post(answer))
            .layer(DefaultBodyLimit::disable())
            .with_state((behaviour, Arc::clone(&seen)));
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            _runtime: runtime,
            address,
            seen,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often each file came.
    pub(crate) fn uploads(&self) -> HashMap<String, usize> {
        self.seen.lock().unwrap().uploads.clone()
    }

    /// The `Authorization` of every request.
    pub(crate) fn authorization(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap().authorization.clone()
    }

    /// The `params` of every task.
    pub(crate) fn params(&self) -> Vec<Value> {
        self.seen.lock().unwrap().params.clone()
    }
}

/// The caption of a file of this name.
pub(crate) fn caption_of(file_name: &str, image: &[u8]) -> String {
    let sum = image.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    format!("{file_name} of {} bytes that sum to {sum}", image.len())
}

async fn answer(
    State((behaviour, seen)): State<(Behaviour, Arc<Mutex<Seen>>)>,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    let authorization = headers.get("authorization");
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let accepted = behaviour
        .key
        .is_none_or(|key| authorization == Some(format!("Bearer {key}")));
    seen.lock()
        .unwrap()
        .authorization
        .push(authorization.clone());
    if let Some((status, location)) = behaviour.instead {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [("location", location)]).into_response();
    }
    if !accepted {
        return refusal(401, "no such key");
    }
    let (name, image, tasks) = read(form).await;
    let count = {
        let mut seen = seen.lock().unwrap();
        seen.params.push(tasks[0]["params"].clone());
        let count = seen.uploads.entry(name.clone()).or_default();
        *count += 1;
        *count
    };
    tokio::time::sleep(behaviour.delay).await;
    let result = match name.split('-').next().unwrap() {
        "corrupt" => return refusal(400, "Could not process image: not an image"),
        "broken" => return refusal(500, &format!("not for {authorization:?}")),
        "full" => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response(),
        "busy" if count < 3 => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response();
        }
        "slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return refusal(504, "too slow");
        }
        "skipped" => {
            json!({"status": "skipped", "data": null, "error_message": "nothing to describe"})
        }
        "failed" => json!({"status": "error", "data": null, "error_message": "it \u{1b}[2J broke"}),
        _ => {
            let caption = format!("{}{}", behaviour.prefix, caption_of(&name, &image));
            json!({"status": "success", "data": caption, "error_message": null})
        }
    };
    let id = tasks[0]["operation_id"].as_str().unwrap();
    let body = Json(json!({"image_url": format!("uploaded:{name}"), "results": {id: result}}));
    match behaviour.untrained {
        Some(models) => ([("x-untrained-models", models)], body).into_response(),
        None => body.into_response(),
    }
}

fn refusal(status: u16, detail: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, Json(json!({ "detail": detail }))).into_response()
}

/// The file's name and bytes, and the tasks.
async fn read(mut form: Multipart) -> (String, Vec<u8>, Value) {
    let (mut name, mut image, mut tasks) = (String::new(), Vec::new(), Value::Null);
    while let Some(field) = form.next_field().await.unwrap() {
        match field.name() {
            Some("image_file") => {
                name = field.file_name().unwrap().to_owned();
                image = field.bytes().await.unwrap().to_vec();
            }
            Some("tasks_json") => {
                tasks = serde_json::from_slice(&field.bytes().await.unwrap()).unwrap();
            }
            Some("exif_orientation") => assert_eq!(field.text().await.unwrap(), "apply"),
            other => panic!("a field {other:?}"),
        }
    }
    assert_eq!(tasks[0]["type"], "describe_image");
    (name, image, tasks)
}

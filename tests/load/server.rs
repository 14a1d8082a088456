//! A server that speaks the upload route and answers as a test says.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::runtime::Runtime;

/// What a request is answered, after how long.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) after: Duration,
}

impl Answer {
    /// Of one task for each status, at once.
    pub(crate) fn of(statuses: &[&str]) -> Self {
        let results: Vec<_> = statuses
            .iter()
            .enumerate()
            .map(|(id, status)| format!(r#""{id}":{{"status":"{status}","data":[0.5]}}"#))
            .collect();
        Self::with_body(
            200,
            &format!(r#"{{"image_url":"x","results":{{{}}}}}"#, results.join(",")),
        )
    }

    pub(crate) fn with_body(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
            after: Duration::ZERO,
        }
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// One request, and which it is, from 0.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) number: usize,
    pub(crate) image: String,
    pub(crate) tasks: String,
    pub(crate) timeout_ms: Option<String>,
    peer: SocketAddr,
}

type Behaviour = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;
type Shared = (Behaviour, Arc<Mutex<Vec<Asked>>>);

/// Ends, with all its connections, when dropped.
pub(crate) struct Server {
    _runtime: Runtime,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) fn start(behaviour: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let behaviour: Behaviour = Arc::new(behaviour);
        let router = Router::new()
            .route("/analyze_image_upload/", post(answer))
            .layer(DefaultBodyLimit::disable())
            .with_state((behaviour, Arc::clone(&asked)))
            .into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            _runtime: runtime,
            address,
            asked,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections its requests came over.
    pub(crate) fn connections(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|it| it.peer).collect::<HashSet<_>>().len()
    }
}

async fn answer(
    State((behaviour, all)): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Response {
    let (mut image, mut tasks) = (String::new(), String::new());
    while let Some(field) = form.next_field().await.unwrap() {
        match field.name() {
            Some("image_file") => {
                image = field.file_name().unwrap().to_owned();
                assert_eq!(field.bytes().await.unwrap(), image.as_bytes());
            }
            _ => tasks = field.text().await.unwrap(),
        }
    }
    let asked = {
        let mut all = all.lock().unwrap();
        let timeout_ms = headers.get("x-timeout-ms");
        let number = all.len();
        all.push(Asked {
            number,
            image,
            tasks,
            timeout_ms: timeout_ms.map(|value| value.to_str().unwrap().to_owned()),
            peer,
        });
        all.last().unwrap().clone()
    };
    let Answer {
        status,
        body,
        after,
    } = behaviour(&asked);
    tokio::time::sleep(after).await;
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::from_u16(status).unwrap(), json, body).into_response()
}

mod trouble;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use engine::Task;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderValue, StatusCode};
use ureq::tls::TlsConfig;
use url::Url;

use super::OPERATION;
use super::answer::{TaskResult, caption_of};
use super::captioner::{Caption, Trouble};
use crate::cli::api_key::ApiKey;
use crate::cli::upload_form::UploadForm;
use crate::root_certificates;
use trouble::turn;

/// Between tries to reach a server that may be starting anew.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A caption's answer has some hundred bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// A running server that captions.
pub(super) struct Server {
    agent: Agent,
    /// As the operator gave it, for messages.
    address: String,
    route: String,
    key: Option<ApiKey>,
    bearer: Option<HeaderValue>,
    tasks_json: String,
    timeout: Duration,
}

struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Answer {
    results: IndexMap<String, TaskResult>,
}

impl Server {
    pub(super) fn new(
        url: &str,
        key: Option<&ApiKey>,
        task: &Task,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let url = Url::parse(url)
            .context("--url (IMAGE_EMBED_URL) must be like http://localhost:8000")?;
        // First of all, as what is wrong with it otherwise is said by quoting it.
        ensure!(
            url.username().is_empty() && url.password().is_none(),
            "--url (IMAGE_EMBED_URL) has a user name or password in it; the server takes an API key"
        );
        ensure!(
            ["http", "https"].contains(&url.scheme())
                && url.query().is_none()
                && url.fragment().is_none(),
            "--url (IMAGE_EMBED_URL): '{url}' is not like http://localhost:8000"
        );
        let address = url.as_str().trim_end_matches('/').to_owned();
        let key = key.filter(|key| !key.is_empty()).cloned();
        let task = json!([{"operation_id": task.operation_id, "type": task.operation, "params": task.params}]);
        Ok(Self {
            agent: agent(url.scheme() == "https"),
            route: format!("{address}/analyze_image_upload/"),
            address,
            bearer: key.as_ref().map(ApiKey::bearer).transpose()?,
            key,
            tasks_json: task.to_string(),
            timeout,
        })
    }

    /// Has an image captioned, waiting for a turn where the server is busy. Blocks.
    pub(super) fn caption(&self, file_name: &str, image: &[u8]) -> Result<Caption, Trouble> {
        // Without a server the orientation is applied, too. A Python service passes over the field.
        let fields = [
            ("tasks_json", &self.tasks_json[..]),
            ("exif_orientation", "apply"),
        ];
        let form = UploadForm::new(file_name, image, &fields);
        let deadline = Instant::now() + self.timeout;
        let mut pauses = PAUSES.into_iter();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (pause, trouble) = match self.ask(&form, left) {
                Ok(response) => match turn(&response) {
                    Some(pause) => (Some(pause), self.refusal(&response)),
                    None => return self.read(&response),
                },
                Err(error) => self.failure(&error, &mut pauses),
            };
            match pause {
                Some(pause) if Instant::now() + pause < deadline => thread::sleep(pause),
                _ => return Err(trouble),
            }
        }
    }

    fn ask(&self, form: &UploadForm, timeout: Duration) -> Result<Response, ureq::Error> {
        let mut request = self
            .agent
            .post(&self.route)
            .header("Content-Type", &form.content_type)
            // A server that refuses does so before it has read the image; without this it would be sent to a server
            // that has hung up, and the reason be lost.
            .header("Expect", "100-continue");
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", bearer);
        }
        let response = request
            .config()
            .timeout_global(Some(timeout.max(Duration::from_millis(1))))
            .build()
            .send(&form.body)?;
        let (head, mut body) = response.into_parts();
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: body.with_config().limit(LONGEST_ANSWER).read_to_vec()?,
        })
    }

    fn read(&self, response: &Response) -> Result<Caption, Trouble> {
        if response.status != StatusCode::OK {
            return Err(self.refusal(response));
        }
        let answer = serde_json::from_slice::<Answer>(&response.body).ok();
        let result = answer.and_then(|mut answer| answer.results.swap_remove(OPERATION));
        let result = result.ok_or_else(|| {
            Trouble::Service(format!(
                "{} does not answer as image-embed does",
                self.address
            ))
        })?;
        let text = caption_of(result).map_err(|reason| Trouble::Image(self.quoted(&reason)))?;
        let models = response.headers.get("x-untrained-models");
        let untrained = models.map(|names| String::from_utf8_lossy(names.as_bytes()).into_owned());
        Ok(Caption { text, untrained })
    }
}

fn agent(https: bool) -> Agent {
    let mut config = Agent::config_builder()
        .user_agent(concat!("image-embed/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT));
    if https {
        let tls = TlsConfig::builder().root_certs(root_certificates::for_ureq());
        config = config.tls_config(tls.build());
    }
    config.build().into()
}

//! What it means, and for whom, that a server gives no caption.

use std::fmt::Display;
use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use ureq::http::StatusCode;

use super::{Response, Server};
use crate::cli::caption::captioner::Trouble;

/// The least and the most that is waited for a turn, whatever `Retry-After` says.
const TURN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];

impl Server {
    /// What an answer that is none means, and for whom.
    pub(super) fn refusal(&self, response: &Response) -> Trouble {
        let (status, address) = (response.status, &self.address);
        match status.as_u16() {
            401 | 403 if self.bearer.is_some() => {
                Trouble::Service(format!("{address} does not accept the API key ({status})"))
            }
            401 | 403 => Trouble::Service(format!(
                "{address} wants an API key ({status}): set IMAGE_EMBED_API_KEY"
            )),
            404 | 405 => {
                Trouble::Service(format!("there is no image-embed at {address} ({status})"))
            }
            300..=399 => {
                let to = response.headers.get("location");
                let to = to.map_or("nowhere".into(), |to| {
                    String::from_utf8_lossy(to.as_bytes())
                });
                Trouble::Service(format!(
                    "{address} is elsewhere ({status}): {}",
                    self.quoted(&to)
                ))
            }
            _ => {
                let detail = self.quoted(&detail(&response.body));
                let answer = format!("the server answers {status}: {detail}");
                let answer = answer.trim_end_matches(": ").to_owned();
                if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                    Trouble::Unanswered(answer)
                } else {
                    Trouble::Image(answer)
                }
            }
        }
    }

    /// What it means that there is no answer, and how long to wait before the next try, if there is to be one.
    pub(super) fn failure(
        &self,
        error: &ureq::Error,
        pauses: &mut impl Iterator<Item = Duration>,
    ) -> (Option<Duration>, Trouble) {
        use ureq::{Error, Timeout};
        let unreachable = |error: &dyn Display| {
            Trouble::Service(format!("cannot reach {}: {error}", self.address))
        };
        match error {
            Error::HostNotFound
            | Error::ConnectionFailed
            | Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                (pauses.next(), unreachable(error))
            }
            Error::Timeout(_) => {
                let reason = format!("no answer within {} s (--timeout)", self.timeout.as_secs());
                (None, Trouble::Unanswered(reason))
            }
            Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::NetworkDown => (pauses.next(), unreachable(error)),
                // rustls's word for a certificate or a handshake.
                ErrorKind::InvalidData => (None, unreachable(error)),
                _ => {
                    let reason = format!("the connection to the server broke: {error}");
                    (pauses.next(), Trouble::Unanswered(reason))
                }
            },
            Error::Protocol(_) | Error::BodyExceedsLimit(_) => (
                None,
                Trouble::Unanswered(format!("the server's answer: {error}")),
            ),
            _ => (None, unreachable(error)),
        }
    }

    /// A server's words, fit to be shown.
    pub(super) fn quoted(&self, text: &str) -> String {
        const LONGEST: usize = 300;
        let text = match &self.key {
            Some(key) => key.struck_from(text),
            None => text.to_owned(),
        };
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// How long to wait, if the server says that there are too many requests at a time.
pub(super) fn turn(response: &Response) -> Option<Duration> {
    let after = response.headers.get("retry-after");
    let seconds = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let waits = match response.status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => after.is_some(),
        _ => false,
    };
    let [least, most] = TURN;
    waits.then(|| Duration::from_secs(seconds.unwrap_or(1)).clamp(least, most))
}

/// `detail` of a refusal's body, or the body if it has none.
fn detail(body: &[u8]) -> String {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    match &json["detail"] {
        Value::Null => String::from_utf8_lossy(body).into_owned(),
        Value::String(detail) => detail.clone(),
        other => other.to_string(),
    }
}

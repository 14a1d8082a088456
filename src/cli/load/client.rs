use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::time::timeout;

use super::answer::TaskCounts;
use super::connection::{Connection, NoAnswer, Reply};
use super::mix::Mix;
use super::question::Question;
use super::target::Target;

/// Before a client tries anew to reach a server that it could not reach, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// How a group's clients behave.
#[derive(Clone)]
pub(super) struct Manner {
    /// What they allow the server.
    pub(super) timeout_ms: Option<NonZeroU64>,
    /// The share of requests that they do not wait for.
    pub(super) hang_up: f64,
    /// When they take a server for dead.
    pub(super) give_up: Duration,
}

/// How a request ended.
pub(super) enum End {
    Answered {
        status: StatusCode,
        took: Duration,
        tasks: TaskCounts,
        differs: bool,
        /// Why it is none that was asked for: the server's own words, or what is wrong with its answer.
        complaint: Option<String>,
    },
    HungUp,
    Failed(String),
}

/// The images that a client sends. As all clients go on by the number of clients, they keep their distance: a server computes
/// what it is asked twice at a time only once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    pub(super) first: usize,
    pub(super) stride: usize,
}

/// Sends one request after the other over one connection.
pub(super) struct Client {
    target: Arc<Target>,
    mix: Arc<Mix>,
    /// Which image is next, and how many it goes on by.
    turns: Turns,
    manner: Manner,
    timeout_ms: Option<HeaderValue>,
    rng: fastrand::Rng,
    connection: Option<Connection>,
}

impl Client {
    pub(super) fn new(
        target: Arc<Target>,
        mix: Arc<Mix>,
        turns: Turns,
        manner: Manner,
        rng: fastrand::Rng,
    ) -> Self {
        Self {
            target,
            mix,
            turns,
            timeout_ms: manner.timeout_ms.map(|ms| HeaderValue::from(ms.get())),
            manner,
            rng,
            connection: None,
        }
    }

    /// Sends the next request and waits for what becomes of it.
    pub(super) async fn ask(&mut self) -> End {
        let question = Arc::clone(self.mix.draw(self.turns.first, &mut self.rng));
        self.turns.first += self.turns.stride;
        // Drawn whether or not it is used, so that a seed gives the same requests whatever the server does.
        let (draw, part) = (self.rng.f64(), self.rng.f64());
        let hang_up = question
            .typical()
            .filter(|_| draw < self.manner.hang_up)
            .map(|typical| typical.mul_f64(part));
        let began = Instant::now();
        let limit = hang_up.unwrap_or(self.manner.give_up);
        match timeout(limit, self.exchange(&question)).await {
            Ok(Ok(reply)) => judge(&question, reply, began.elapsed()),
            Ok(Err(error)) => {
                tokio::time::sleep(PAUSE).await;
                End::Failed(error.to_string())
            }
            Err(_) if hang_up.is_some() => End::HungUp,
            Err(_) => End::Failed(format!("no answer within {limit:?} (--give-up)")),
        }
    }

    /// Dropped before its end, it takes the connection with it.
    async fn exchange(&mut self, question: &Question) -> Result<Reply, NoAnswer> {
        let kept = match self.connection.take() {
            Some(mut connection) => connection.is_open().await.then_some(connection),
            None => None,
        };
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(&self.target).await?,
        };
        let timeout_ms = self.timeout_ms.as_ref();
        let reply = connection.ask(&self.target, question, timeout_ms).await?;
        self.connection = Some(connection);
        Ok(reply)
    }
}

fn judge(question: &Question, Reply { status, body }: Reply, took: Duration) -> End {
    let mut tasks = TaskCounts::default();
    let mut differs = false;
    let mut complaint = None;
    if status.is_success() {
        question.took(took);
        match question.judge(body) {
            Ok(judged) => (tasks, differs) = judged,
            Err(unreadable) => complaint = Some(unreadable.to_string()),
        }
    } else {
        let detail: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        complaint = Some(format!("{status}: {detail}"));
    }
    End::Answered {
        status,
        took,
        tasks,
        differs,
        complaint,
    }
}

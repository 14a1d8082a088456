use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;

use crate::network::{Input, ModelError, Output};

/// What waits for a model, first come first served.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    /// Whether a thread is taking entries out, which it does until there are none.
    has_worker: bool,
}

/// An input, and whoever waits for the answer.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) input: Input,
    reply: oneshot::Sender<Result<Reply, ModelError>>,
    /// The request's, for what is logged while the model works for it.
    pub(super) span: Span,
    asked: Instant,
    began: Option<Instant>,
}

/// A model's answer, and the time that it took.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) output: Output,
    /// For the model to be in memory, and for its turn.
    pub(crate) waited: Duration,
    /// From the queue to the answer: in the model, together with whatever else was in the batch, and standing aside.
    pub(crate) ran: Duration,
}

impl Entry {
    /// `asked` is when the waiting began, for the model to be read first.
    pub(super) fn new(
        input: Input,
        asked: Instant,
    ) -> (Self, oneshot::Receiver<Result<Reply, ModelError>>) {
        let (reply, answered) = oneshot::channel();
        let entry = Self {
            input,
            reply,
            span: Span::current(),
            asked,
            began: None,
        };
        (entry, answered)
    }

    /// Whether nobody waits any longer: the client hung up, or the request's time is over.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// The model begins with it.
    pub(super) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    pub(super) fn answer(self, output: Result<Output, ModelError>) {
        let began = self.began.unwrap_or_else(Instant::now);
        let reply = output.map(|output| Reply {
            output,
            waited: began - self.asked,
            ran: began.elapsed(),
        });
        // Whoever waited may have gone meanwhile.
        let _ = self.reply.send(reply);
    }
}

impl Queue {
    /// Adds `entry`. True if nobody takes entries out, so that the caller has to see to it.
    pub(super) fn push(&self, entry: Entry) -> bool {
        let mut waiting = self.lock();
        waiting.entries.push_back(entry);
        !std::mem::replace(&mut waiting.has_worker, true)
    }

    /// The next entries that somebody waits for, `most` at most. None ends the draining: the next [`Queue::push`] begins anew.
    pub(super) fn next_batch(&self, most: usize) -> Option<Vec<Entry>> {
        let mut waiting = self.lock();
        let mut batch = Vec::new();
        while batch.len() < most {
            let Some(entry) = waiting.next_wanted() else {
                break;
            };
            batch.push(entry);
        }
        waiting.has_worker = !batch.is_empty();
        waiting.has_worker.then_some(batch)
    }

    /// The next entry that somebody waits for, if it `fits`, which may take a while to find out. For whoever drains the queue:
    /// nobody else takes entries out.
    pub(super) fn next_if(&self, fits: impl FnOnce(&Input) -> bool) -> Option<Entry> {
        let next = self.lock().front()?.input.clone();
        if fits(&next) { self.lock().pop() } else { None }
    }

    pub(super) fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.entries.is_empty() && !waiting.has_worker
    }

    /// Nothing panics while it is locked but the allocator.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next_wanted(&mut self) -> Option<Entry> {
        self.front()?;
        self.pop()
    }

    /// The first that somebody waits for; those before it are gone then.
    fn front(&mut self) -> Option<&Entry> {
        while self.entries.front()?.is_abandoned() {
            self.entries.pop_front();
        }
        self.entries.front()
    }

    fn pop(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }
}

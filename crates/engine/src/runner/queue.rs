use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;

use crate::caller::{self, Caller};
use crate::network::{Input, ModelError, Output};

/// A caller that has not asked for so long is taken for gone.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// What waits for a model: callers in turn, and of each what came first.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    /// Whether a thread is taking entries out, which it does until there are none.
    has_worker: bool,
    callers: HashMap<Caller, Seen>,
    /// Entries that were taken out so far.
    turns: u64,
}

/// A caller that has asked lately.
#[derive(Debug)]
struct Seen {
    /// When it asked last.
    asked: Instant,
    /// Its last turn; 0 if it has had none.
    turn: u64,
}

/// An input, and whoever waits for the answer.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) input: Input,
    reply: oneshot::Sender<Result<Reply, ModelError>>,
    /// The request's, for what is logged while the model works for it.
    pub(super) span: Span,
    caller: Caller,
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
            caller: caller::current(),
            asked,
            began: None,
        };
        (entry, answered)
    }

    /// Whether nobody waits any longer: the client hung up, or the request's time is over.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// The model begins with it. Returns how long it has waited.
    pub(super) fn begin(&mut self) -> Duration {
        let began = *self.began.insert(Instant::now());
        began - self.asked
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
        waiting.note(&entry.caller);
        waiting.entries.push_back(entry);
        !std::mem::replace(&mut waiting.has_worker, true)
    }

    /// The next entries that somebody waits for, `most` at most. None ends the draining: the next [`Queue::push`] begins anew.
    pub(super) fn next_batch(&self, most: usize) -> Option<Vec<Entry>> {
        let mut waiting = self.lock();
        let mut batch = Vec::new();
        // Where callers take turns, none waits for a batch of another's.
        let most = if waiting.has_several_callers() {
            1
        } else {
            most
        };
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
        let entry = self.lock().next_wanted()?;
        if fits(&entry.input) {
            return Some(entry);
        }
        let mut waiting = self.lock();
        if let Some(seen) = waiting.callers.get_mut(&entry.caller) {
            // It has not had its turn.
            seen.turn = 0;
        }
        waiting.entries.push_front(entry);
        None
    }

    /// Entries that somebody waits for.
    pub(super) fn len(&self) -> usize {
        let waiting = self.lock();
        let wanted = waiting.entries.iter().filter(|it| !it.is_abandoned());
        wanted.count()
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
    /// `caller` asks.
    fn note(&mut self, caller: &Caller) {
        let now = Instant::now();
        if let Some(seen) = self.callers.get_mut(caller) {
            seen.asked = now;
            return;
        }
        let seen = Seen {
            asked: now,
            turn: 0,
        };
        self.callers.insert(caller.clone(), seen);
    }

    /// Whether more than one caller has asked lately. The others are forgotten.
    fn has_several_callers(&mut self) -> bool {
        if self.callers.len() > 1 {
            self.callers
                .retain(|_, seen| seen.asked.elapsed() < FORGOTTEN);
        }
        self.callers.len() > 1
    }

    /// The first entry that somebody waits for of the caller whose last turn was longest ago.
    fn next_wanted(&mut self) -> Option<Entry> {
        while self.entries.front()?.is_abandoned() {
            self.entries.pop_front();
        }
        let mut next = (0, u64::MAX);
        if self.has_several_callers() {
            self.entries.retain(|entry| !entry.is_abandoned());
            for (index, entry) in self.entries.iter().enumerate() {
                let seen = self.callers.get(&entry.caller);
                let turn = seen.map_or(0, |seen| seen.turn);
                if turn < next.1 {
                    next = (index, turn);
                }
            }
        }
        let entry = self.entries.remove(next.0)?;
        self.turns += 1;
        if let Some(seen) = self.callers.get_mut(&entry.caller) {
            seen.turn = self.turns;
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::caller::on_behalf_of;

    /// Puts an input of so many pixels into `queue`.
    async fn push(queue: &Queue, caller: Option<&str>, width: u32) -> impl Sized + use<> {
        let entry = async {
            let image = imaging::RgbImage::from_raw(width, 1, vec![0; 3 * width as usize]);
            Entry::new(Input::Image(Arc::new(image.unwrap())), Instant::now())
        };
        let (entry, answered) = match caller {
            Some(caller) => on_behalf_of(caller.into(), entry).await,
            None => entry.await,
        };
        queue.push(entry);
        answered
    }

    fn widths(batch: &[Entry]) -> Vec<u32> {
        let width = |entry: &Entry| match &entry.input {
            Input::Image(image) => image.width(),
            _ => 0,
        };
        batch.iter().map(width).collect()
    }

    #[tokio::test]
    async fn callers_take_turns_and_none_waits_for_a_batch_of_another_s() {
        let queue = Queue::default();
        let mut waiting = Vec::new();
        for width in 1..=5 {
            waiting.push(push(&queue, Some("ann"), width).await);
        }
        assert_eq!(widths(&queue.next_batch(2).unwrap()), [1, 2], "alone");
        waiting.push(push(&queue, Some("bob"), 11).await);
        waiting.push(push(&queue, Some("bob"), 12).await);
        let mut order = Vec::new();
        while let Some(batch) = queue.next_batch(6) {
            assert_eq!(batch.len(), 1);
            order.extend(widths(&batch));
        }
        assert_eq!(order, [11, 3, 12, 4, 5]);
    }

    #[tokio::test]
    async fn what_does_not_fit_keeps_its_turn() {
        let queue = Queue::default();
        let _ann = push(&queue, Some("ann"), 1).await;
        let _bob = push(&queue, Some("bob"), 2).await;
        assert!(queue.next_if(|_| false).is_none());
        assert_eq!(queue.len(), 2);
        let first = queue.next_if(|_| true).unwrap();
        assert_eq!(widths(&[first]), [1]);
    }

    #[tokio::test]
    async fn where_callers_are_not_told_apart_batches_are_whole() {
        let queue = Queue::default();
        let mut waiting = Vec::new();
        for width in 1..=3 {
            waiting.push(push(&queue, None, width).await);
        }
        drop(waiting.remove(1));
        assert_eq!(widths(&queue.next_batch(6).unwrap()), [1, 3]);
    }
}

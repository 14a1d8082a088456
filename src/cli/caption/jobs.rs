use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender, unbounded_channel};

use super::captioner::{Caption, Captioner, Trouble};
use super::folder::Image;

/// Something has happened.
pub(super) enum Event {
    Answer(Image, Result<Caption, Trouble>),
    /// The user wants it to end; the number of the signal that says so.
    Signal(i32),
}

/// Ends when every image has its answer.
pub(super) type Events = UnboundedReceiver<Event>;

/// Has the images captioned, `jobs` at a time, on threads of their own. They end by themselves when nobody listens.
pub(super) fn start(
    runtime: &Runtime,
    captioner: Arc<Captioner>,
    images: Vec<Image>,
    jobs: NonZeroUsize,
) -> anyhow::Result<Events> {
    let (events, receiver) = unbounded_channel();
    {
        let _entered = runtime.enter();
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        let (interrupt, terminate) = (
            interrupt.context("cannot listen for SIGINT")?,
            terminate.context("cannot listen for SIGTERM")?,
        );
        runtime.spawn(pass_on(interrupt, terminate, events.downgrade()));
    }
    let jobs = jobs.get().min(images.len());
    let images = Arc::new(Mutex::new(images.into_iter()));
    for index in 0..jobs {
        let (captioner, images, events) =
            (Arc::clone(&captioner), Arc::clone(&images), events.clone());
        let next = move || images.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = move || {
            while let Some(image) = next() {
                let answer = captioner.caption(&image.path);
                if events.send(Event::Answer(image, answer)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new()
            .name(format!("caption-{index}"))
            .spawn(work)
            .with_context(|| format!("cannot start {jobs} threads (--jobs)"))?;
    }
    Ok(receiver)
}

/// The first signal is an event. The second does not wait for what the first began, such as a disk that does not answer.
async fn pass_on(mut interrupt: Signal, mut terminate: Signal, events: WeakUnboundedSender<Event>) {
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        }
        .as_raw_value()
    };
    let first = next().await;
    if let Some(events) = events.upgrade() {
        // Nobody listens any more when everything is done.
        let _ = events.send(Event::Signal(first));
    }
    std::process::exit(128 + next().await);
}

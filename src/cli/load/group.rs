use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::client::{Client, Manner};
use super::tally::Tally;

/// When measured clients have asked enough.
#[derive(Clone, Copy)]
pub(super) enum Quota {
    /// So many requests were begun, by all of them together.
    Requests(u64),
    /// So much time is over.
    Time(Duration),
}

/// Clients that are reported together.
pub(super) struct Group {
    clients: Vec<Client>,
    tally: Arc<Mutex<Tally>>,
}

/// What a group saw, and in what time.
pub(super) struct Seen {
    pub(super) clients: usize,
    pub(super) duration: Duration,
    pub(super) tally: Tally,
}

impl Group {
    pub(super) fn new(clients: Vec<Client>, manner: &Manner) -> Self {
        Self {
            clients,
            tally: Arc::new(Mutex::new(Tally::new(manner))),
        }
    }
}

/// Runs the measured clients to the end of their quota, and those beside them for as long.
///
/// Clients beside begin with the warm-up. Of theirs only those requests count that both begin and end in the measured time; what
/// they are waiting for at its end is cut off.
pub(super) async fn run(
    measured: Group,
    beside: Vec<Group>,
    warm_up: u64,
    quota: Quota,
) -> anyhow::Result<(Seen, Vec<Seen>)> {
    let window = Arc::new(AtomicBool::new(false));
    let mut background = JoinSet::new();
    let beside: Vec<_> = beside
        .into_iter()
        .map(|Group { clients, tally }| {
            let count = clients.len();
            for client in clients {
                background.spawn(keep_asking(client, Arc::clone(&window), Arc::clone(&tally)));
            }
            (count, tally)
        })
        .collect();

    let clients = measured.clients.len();
    // One place more than clients: the measured time begins here too.
    let start = Arc::new(Barrier::new(clients + 1));
    let begun = Arc::new(AtomicU64::new(0));
    let mut running = JoinSet::new();
    for client in measured.clients {
        let (start, begun) = (Arc::clone(&start), Arc::clone(&begun));
        let tally = Arc::clone(&measured.tally);
        running.spawn(async move {
            let client = warmed(client, warm_up).await;
            start.wait().await;
            ask_quota(client, quota, &begun, &tally).await;
        });
    }
    start.wait().await;
    let began = Instant::now();
    window.store(true, Ordering::Relaxed);
    while let Some(ended) = running.join_next().await {
        ended.context("a client ended early")?;
    }
    let duration = began.elapsed();
    background.shutdown().await;

    let seen = |clients, tally: &Mutex<Tally>| Seen {
        clients,
        duration,
        tally: std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner)),
    };
    let beside = beside
        .into_iter()
        .map(|(clients, tally)| seen(clients, &tally))
        .collect();
    Ok((seen(clients, &measured.tally), beside))
}

async fn warmed(mut client: Client, warm_up: u64) -> Client {
    for _ in 0..warm_up {
        // What goes wrong here goes wrong again where it counts.
        let _ = client.ask().await;
    }
    client
}

async fn ask_quota(mut client: Client, quota: Quota, begun: &AtomicU64, tally: &Mutex<Tally>) {
    let began = Instant::now();
    let more = || match quota {
        Quota::Requests(most) => begun.fetch_add(1, Ordering::Relaxed) < most,
        Quota::Time(time) => began.elapsed() < time,
    };
    while more() {
        let end = client.ask().await;
        count(tally, end);
    }
}

async fn keep_asking(mut client: Client, window: Arc<AtomicBool>, tally: Arc<Mutex<Tally>>) {
    loop {
        let counts = window.load(Ordering::Relaxed);
        let end = client.ask().await;
        if counts {
            count(&tally, end);
        }
    }
}

fn count(tally: &Mutex<Tally>, end: super::client::End) {
    tally
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .add(end);
}

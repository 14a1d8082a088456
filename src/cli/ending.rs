//! How a server is told to stop, and that it does.

use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{error, info, warn};

/// What follows the grace (cutting off connections, ending the process) takes no time, unless something blocks.
const MARGIN: Duration = Duration::from_secs(1);
/// A log that nobody reads must not keep the process from ending.
const LOG_TIMEOUT: Duration = Duration::from_millis(200);

/// Resolves at the first SIGTERM or SIGINT. The second ends the process at once, and so does the end of `grace` if the process is still
/// there then.
///
/// A thread of its own listens: whatever blocks the others, signals are heard.
pub(super) fn stop_signal(grace: Duration) -> anyhow::Result<impl Future<Output = ()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot listen for signals")?;
    let entered = runtime.enter();
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
        interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?,
    };
    drop(entered);
    let (stop, stopped) = oneshot::channel();
    let listen = async move {
        let first = signals.next().await;
        logged(move || info!("{} received", first.name));
        let _ = stop.send(());
        match timeout(grace.saturating_add(MARGIN), signals.next()).await {
            Ok(second) => {
                logged(move || warn!("{} received again: ending at once", second.name));
                process::exit(second.exit_code);
            }
            Err(_) => {
                logged(move || error!(grace_s = grace.as_secs(), "still not ended: ending now"));
                process::exit(1);
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(listen))
        .context("cannot start the thread that listens for signals")?;
    Ok(async {
        if stopped.await.is_err() {
            // Nobody is left who could tell it to stop; serving goes on.
            std::future::pending().await
        }
    })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

struct Received {
    name: &'static str,
    /// As a shell reports a process that the signal ended: 128 and its number.
    exit_code: i32,
}

impl Signals {
    async fn next(&mut self) -> Received {
        let (name, exit_code) = tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = self.interrupt.recv() => ("SIGINT", 130),
        };
        Received { name, exit_code }
    }
}

fn logged(log: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        log();
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(LOG_TIMEOUT);
}

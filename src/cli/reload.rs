//! What a running server reads again when it is told to.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::http::Keys;

/// Reads the keys again at each SIGHUP, from now on.
pub(super) fn on_hangup(keys: Arc<Keys>) -> anyhow::Result<()> {
    info!(callers = keys.callers(), "requests need a key");
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let keys = Arc::clone(&keys);
            let reload = tokio::task::spawn_blocking(move || match keys.reload() {
                Ok(callers) => info!(callers, "SIGHUP received: the keys were read again"),
                Err(error) => error!(%error, "SIGHUP received: the keys stay as they were"),
            });
            if let Err(error) = reload.await {
                error!(%error, "reading the keys again failed");
            }
        }
    });
    Ok(())
}

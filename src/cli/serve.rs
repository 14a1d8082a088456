use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use engine::{Engine, Model};
use imaging::ExifOrientation;
use models::Placement;
use tracing::info;

use super::{ending, reload};
use crate::config::{
    AccessSettings, ClassifiersSettings, EngineSettings, FetchSettings, ServerSettings,
    WeightsSettings,
};
use crate::fetch::Fetcher;
use crate::http::{self, AppState};
use crate::{memory, open_files};

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    server: ServerSettings,
    #[command(flatten)]
    access: AccessSettings,
    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    weights: WeightsSettings,
    #[command(flatten)]
    classifiers: ClassifiersSettings,
    #[command(flatten)]
    fetch: FetchSettings,
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut config = self
            .engine
            .engine_config(&self.weights, ExifOrientation::Ignore)?;
        config.classifiers_dir = Some(self.classifiers.classifiers_dir);
        let threads = config.threads.get();
        let lineup = config.lineup;
        let preload = self
            .server
            .preload
            .models(&lineup)
            .context("--preload (IMAGE_EMBED_PRELOAD)")?;
        let Placement { isa, precision, .. } = config.placement;
        info!(?isa, ?precision, clip_model = %lineup.clip, caption_model = %lineup.captions, threads, "computing on the processor");
        let mib = |bytes: u64| bytes >> 20;
        let memory = config.memory;
        memory::keep_at_most(memory.retained);
        info!(
            budget_mib = mib(memory.bytes()),
            pixels_mib = mib(memory.pixels),
            captions_mib = mib(memory.captions),
            retained_mib = mib(memory.retained),
            encoded_mib = mib(memory.encoded),
            shown_mib = mib(memory.shown),
            "memory beyond the models' own"
        );
        let engine = Arc::new(Engine::new(config)?);
        let fetcher = Fetcher::new(self.fetch.policy())?;
        let limits = self
            .server
            .limits(self.fetch.max_image_bytes, memory.encoded);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let stop = ending::stop_signal(limits.shutdown_grace)?;
        let outcome = runtime.block_on(async {
            let listener = http::bind(&self.server.host, self.server.port).await?;
            info!(address = %listener.local_addr()?, threads, version = env!("CARGO_PKG_VERSION"), "listening");
            let max_connections = open_files::fit_connections(limits.max_connections, limits.max_in_flight);
            let grace = limits.shutdown_grace;
            let write_timeout = limits.body_idle_timeout;
            let mut state = AppState::new(Arc::clone(&engine), fetcher, limits);
            let address = listener.local_addr()?.ip();
            state.origins = Arc::new(self.server.origins(address));
            let access = self.access.access(address)?;
            if let Some(keys) = &access.keys {
                reload::on_hangup(Arc::clone(keys))?;
            }
            state.access = Arc::new(access);
            state.started.store(false, Ordering::Relaxed);
            tokio::spawn(load(Arc::clone(&engine), preload, Arc::clone(&state.started)));
            tokio::spawn(memory::give_back_unused());
            if let Some(ttl) = self.server.model_ttl {
                tokio::spawn(unload_unused(engine, Duration::from_secs(ttl)));
            }
            let router = http::router(state);
            http::serve(listener, router, max_connections, write_timeout, grace, stop).await?;
            info!("stopped");
            anyhow::Ok(ExitCode::SUCCESS)
        });
        // Dropped, it would wait for whatever still blocks a thread: a disk that hangs, weights that are being read.
        runtime.shutdown_background();
        outcome
    }
}

/// Loads models, one after the other: the server answers meanwhile, and says which operations are still loading.
async fn load(engine: Arc<Engine>, models: Vec<Model>, started: Arc<AtomicBool>) {
    for model in models {
        // Why one is not available is logged where that is found out.
        if engine.preload(model).await.is_ok() {
            info!(%model, "model ready");
        }
        memory::trim();
    }
    started.store(true, Ordering::Relaxed);
}

/// Gives back the memory of models that nobody asks for.
async fn unload_unused(engine: Arc<Engine>, ttl: Duration) {
    let mut ticks = tokio::time::interval((ttl / 4).max(Duration::from_millis(250)));
    loop {
        ticks.tick().await;
        engine.unload_unused(ttl);
    }
}

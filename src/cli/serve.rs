use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::Context as _;
use clap::Args;
use engine::{Engine, Model};
use models::Placement;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::config::{
    ClassifiersSettings, EngineSettings, FetchSettings, ServerSettings, WeightsSettings,
};
use crate::fetch::Fetcher;
use crate::http::{self, AppState};

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    server: ServerSettings,
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
        let mut config = self.engine.engine_config(&self.weights)?;
        config.classifiers_dir = Some(self.classifiers.classifiers_dir);
        let threads = config.threads.get();
        let Placement { isa, precision, .. } = config.placement;
        info!(?isa, ?precision, clip_model = %config.clip_variant, caption_model = %config.blip_variant, threads, "computing on the processor");
        let engine = Arc::new(Engine::new(config)?);
        let fetcher = Fetcher::new(self.fetch.policy())?;
        let limits = self.server.limits(self.fetch.max_image_bytes);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let served = runtime.block_on(async {
            let stop = stop_signal()?;
            let listener = http::bind(&self.server.host, self.server.port).await?;
            info!(address = %listener.local_addr()?, threads, version = env!("CARGO_PKG_VERSION"), "listening");
            preload(&engine, self.server.preload.0);
            let (max_connections, grace) = (limits.max_connections, limits.shutdown_grace);
            let router = http::router(AppState::new(engine, fetcher, limits));
            http::serve(listener, router, max_connections, grace, stop).await?;
            info!("stopped");
            anyhow::Ok(ExitCode::SUCCESS)
        });
        // A disk that hangs keeps the thread that reads it, and the process is not to wait for that.
        runtime.shutdown_background();
        served
    }
}

/// Loads models on a thread of its own: the server answers meanwhile, and says which operations are still loading.
fn preload(engine: &Arc<Engine>, models: Vec<Model>) {
    let engine = Arc::clone(engine);
    thread::spawn(move || {
        for model in models {
            match engine.preload(model) {
                Ok(()) => info!(model = model.name(), "model ready"),
                Err(reason) => warn!(model = model.name(), reason, "model not available"),
            }
        }
    });
}

/// Resolves at the first SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM received"),
            _ = interrupt.recv() => info!("SIGINT received"),
        }
    })
}

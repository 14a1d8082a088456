use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use engine::{Engine, TaskList};
use imaging::ExifOrientation;

use crate::config::{ClassifiersSettings, EngineSettings, FetchSettings, WeightsSettings};
use crate::fetch::Fetcher;
use crate::wire::{self, AnalyzeResponse, Reading};

#[derive(Args, Debug)]
pub(crate) struct Analyze {
    /// The image: a file, or an http or https URL
    #[arg(value_name = "PATH_OR_URL")]
    image: String,

    /// The tasks as a JSON list, as the API's `tasks` has them; `@FILE` reads them from a file, `-` from standard input
    #[arg(long, value_name = "JSON")]
    tasks: String,

    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    weights: WeightsSettings,
    #[command(flatten)]
    classifiers: ClassifiersSettings,
    #[command(flatten)]
    fetch: FetchSettings,
}

impl Analyze {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let tasks = read_tasks(&self.tasks)?;
        let mut config = self
            .engine
            .engine_config(&self.weights, ExifOrientation::Apply)?;
        config.classifiers_dir = Some(self.classifiers.classifiers_dir.clone());
        let engine = Arc::new(Engine::new(config)?);
        let fetcher = Fetcher::new(self.fetch.policy())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let response = runtime.block_on(async {
            let (name, image) = self.read_image(&fetcher).await?;
            let analysis = engine
                .analyze(image, &tasks, None, None)
                .await
                .context("Could not process image")?;
            anyhow::Ok(AnalyzeResponse::new(name, analysis, usize::MAX))
        });
        // A disk that hangs keeps the thread that reads it, and the process is not to wait for that.
        runtime.shutdown_background();
        let response = response?;
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &response)?;
        writeln!(out)?;
        Ok(ExitCode::SUCCESS)
    }

    async fn read_image(&self, fetcher: &Fetcher) -> anyhow::Result<(String, Bytes)> {
        let scheme = self
            .image
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| scheme == "http" || scheme == "https") {
            let image = fetcher
                .get(&self.image)
                .await
                .context("Could not download image from URL")?;
            return Ok((self.image.clone(), image));
        }
        let path = Path::new(&self.image);
        let size = std::fs::metadata(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        let limit = self.fetch.max_image_bytes;
        anyhow::ensure!(
            size <= limit,
            "{} has {size} bytes, and --max-image-bytes is {limit}",
            path.display()
        );
        let image =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok((format!("uploaded:{name}"), image.into()))
    }
}

fn read_tasks(argument: &str) -> anyhow::Result<TaskList> {
    let json = if argument == "-" {
        let mut json = Vec::new();
        io::stdin()
            .read_to_end(&mut json)
            .context("cannot read tasks from standard input")?;
        json
    } else if let Some(path) = argument.strip_prefix('@') {
        std::fs::read(path).with_context(|| format!("cannot read tasks from {path}"))?
    } else {
        argument.as_bytes().to_vec()
    };
    // Whoever types the command is nobody to be protected from.
    let reading = Reading {
        max_tasks: usize::MAX,
        // And would rather know of a slip.
        strict: true,
    };
    let request = wire::parse_tasks(&json, reading).context("--tasks")?;
    Ok(request.tasks)
}

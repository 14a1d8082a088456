//! A folder of images captioned: for every image a text file beside it, as trainers of image models read them.

mod answer;
mod caption_file;
mod captioner;
mod folder;
mod jobs;
mod report;
mod server;
mod wording;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use engine::{Engine, Role, TaskList};
use imaging::ExifOrientation;
use tokio::runtime::Runtime;

use crate::cli::api_key::ApiKey;
use crate::config::{DEFAULT_MAX_IMAGE_BYTES, EngineSettings, WeightsSettings};
use captioner::{Captioner, Trouble};
use folder::Folder;
use jobs::Event;
use report::{End, Report};
use server::Server;
use wording::Wording;

/// The operation that captions, and the name its result comes back under.
const OPERATION: &str = "describe_image";

/// So many images without an answer, one after the other, and one a job besides, are not the images' fault.
const UNANSWERED: usize = 10;

#[derive(Args, Debug)]
#[command(
    after_help = "Exits 0 if every image has its caption, 1 if some could not be captioned (they are listed at the end), \
        and 130 after Ctrl-C. What is done stays done: without --force, the same command goes on where it stopped."
)]
pub(crate) struct Caption {
    /// The folder with the images: jpg, jpeg, png, gif, bmp, tif, tiff, webp, avif, jp2, j2k and jxl, in upper or lower case. Hidden ones are
    /// left out. Two that would share a caption file (`a.jpg` and `a.png`) are not captioned
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// Replace captions that are there already, rather than keep them
    #[arg(long, short)]
    force: bool,

    /// Look in the folders inside it too; hidden ones, and links to folders, are left out
    #[arg(long, short)]
    recursive: bool,

    /// Images at a time
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: NonZeroUsize,

    /// Largest image file that is read, in bytes
    #[arg(long, env = "IMAGE_EMBED_MAX_IMAGE_BYTES", value_name = "BYTES", default_value_t = DEFAULT_MAX_IMAGE_BYTES,
          value_parser = clap::value_parser!(u64).range(1..))]
    max_image_bytes: u64,

    #[command(flatten)]
    wording: Wording,
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    weights: WeightsSettings,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "A running server")]
struct Service {
    /// Send the images to this server (http://host:port), rather than load the model here; the settings under "Analysis"
    /// and "Weights" are then the server's own
    #[arg(long, env = "IMAGE_EMBED_URL", value_name = "URL")]
    url: Option<String>,

    /// The server's API key. In the variable it is not seen by other users of this machine
    #[arg(
        long,
        env = "IMAGE_EMBED_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    api_key: Option<ApiKey>,

    /// Seconds the server may take for one image, waiting for its turn included
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl Caption {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let captioner = Arc::new(self.captioner(&runtime)?);
        let found = Folder {
            path: &self.folder,
            recursive: self.recursive,
            force: self.force,
        }
        .images()?;
        let mut report = Report::new(found.images.len(), found.kept, !self.force);
        for (path, reason) in found.failures {
            report.unusable(path, reason)?;
        }
        let end = if found.images.is_empty() {
            End::Done
        } else {
            let events = jobs::start(&runtime, captioner, found.images, self.jobs)?;
            self.follow(events, &mut report)?
        };
        // Whatever is still running is abandoned: nothing of it has touched the folder.
        runtime.shutdown_background();
        report.finish(&self.folder, end)
    }

    /// Writes the captions as they come. Only this thread writes, so that a signal finds no file half done.
    fn follow(&self, mut events: jobs::Events, report: &mut Report) -> anyhow::Result<End> {
        let (mut unanswered, limit) = (0, UNANSWERED + self.jobs.get());
        while let Some(event) = events.blocking_recv() {
            unanswered = match event {
                Event::Answer(_, Err(Trouble::Unanswered(_))) => unanswered + 1,
                _ => 0,
            };
            match event {
                Event::Signal(signal) => return Ok(End::Signal(signal)),
                Event::Answer(_, Err(Trouble::Service(reason))) => {
                    return Ok(End::Stopped(reason));
                }
                Event::Answer(image, Err(Trouble::Image(reason) | Trouble::Unanswered(reason))) => {
                    report.failed(image.path, reason)?;
                    if unanswered == limit {
                        let reason = format!("{limit} images in a row have got no answer");
                        return Ok(End::Stopped(reason));
                    }
                }
                Event::Answer(image, Ok(caption)) => {
                    if let Some(models) = &caption.untrained {
                        report.untrained(models)?;
                    }
                    match caption_file::write(&image.caption, &caption.text, self.force) {
                        Ok(true) => report.captioned(&image.caption, &caption.text)?,
                        Ok(false) => report.kept(),
                        Err(error) => {
                            let reason =
                                format!("cannot write {}: {error}", image.caption.display());
                            if caption_file::concerns_all(&error) {
                                return Ok(End::Stopped(reason));
                            }
                            report.failed(image.path, reason)?;
                        }
                    }
                }
            }
        }
        Ok(End::Done)
    }

    fn captioner(&self, runtime: &Runtime) -> anyhow::Result<Captioner> {
        let task = self.wording.task();
        let max_image_bytes = self.max_image_bytes;
        if let Some(url) = &self.service.url {
            let timeout = Duration::from_secs(self.service.timeout);
            let key = self.service.api_key.as_ref();
            let server = Server::new(url, key, &task, timeout)?;
            return Ok(Captioner::new_server(server, max_image_bytes));
        }
        let engine = Engine::new(
            self.engine
                .engine_config(&self.weights, ExifOrientation::Apply)?,
        )?;
        // Said once and now rather than of every image.
        runtime.block_on(engine.preload(engine.model(Role::Captions)))?;
        let tasks = TaskList::new(vec![task], 1)?;
        let runtime = runtime.handle().clone();
        Ok(Captioner::new_engine(
            engine,
            tasks,
            runtime,
            max_image_bytes,
        ))
    }
}

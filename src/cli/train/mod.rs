//! `image-embed train`: classifiers from labelled embeddings, judged against all that are stored, the best put in force.

mod collection;
mod images;
mod json_within;
mod listing;
mod made_by;
mod report;
mod site;
mod source;
mod training_data;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use engine::classifiers::EmbeddingModel;
use imaging::ExifOrientation;

use crate::config::{ClassifiersSettings, EngineSettings, WeightsSettings};
use collection::Training;
use images::Images;
use made_by::SiteModels;
pub(super) use made_by::embedding_model;
use report::{Outcome, Report};
use site::Site;
pub(super) use source::target;
use source::{Focus, Folder, Source};

/// As in the Python service's training script.
const SEED: u32 = 42;

#[derive(Args, Debug)]
pub(crate) struct Train {
    #[command(flatten)]
    from: From,

    #[command(flatten)]
    focus: FocusSettings,

    /// Train these collections only
    #[arg(long = "collection", value_name = "ID")]
    collections: Vec<u64>,

    /// Decides which fifth is held out; scikit-learn's `random_state`
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u32,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    classifiers: ClassifiersSettings,
    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    weights: WeightsSettings,
}

/// Where the samples come from. The site is the last resort, and no conflict: it may be set for good in the environment.
#[derive(Args, Debug)]
struct From {
    /// The training site: `URL/collections.json` and `URL/collections/ID/training_data.json`
    #[arg(
        long,
        env = "IMAGE_EMBED_BASE_URL",
        value_name = "URL",
        default_value = "https://crawlr.lawrenz.com"
    )]
    base_url: String,

    /// A folder of the same files instead
    #[arg(long, value_name = "DIR", conflicts_with = "images")]
    data: Option<PathBuf>,

    /// A model that made embeddings of the site or the folder, if it is not the Python service's (clip-vit-b-32, dinov2-vit-b-14);
    /// may be given once an operation. Embeddings of images are made by the models of this machine's settings
    #[arg(long = "embedding-model", value_name = "MODEL", conflicts_with = "images", value_parser = embedding_model)]
    embedding_models: Vec<EmbeddingModel>,

    /// A folder of images instead, which are embedded here: `DIR/ID/positive/*` and `DIR/ID/negative/*`
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
}

/// What a classifier is for, where the samples do not say so.
#[derive(Args, Clone, Debug)]
pub(crate) struct FocusSettings {
    /// The part of an image that embeddings are of, unless the collection says: whole_image, prominent_person or
    /// prominent_face
    #[arg(long, value_name = "TARGET", default_value = "whole_image", value_parser = target)]
    derivative_type: String,

    /// What made the embeddings, unless the collection says: embed_clip_vit_b_32, embed_dino_v2, or several joined by +
    #[arg(long, value_name = "OPERATION", default_value = "embed_clip_vit_b_32")]
    embedding_type: String,
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let focus = Focus {
            derivative_type: self.focus.derivative_type.clone(),
            embedding_type: self.focus.embedding_type.clone(),
        };
        let models = SiteModels::new(&self.from.embedding_models)?;
        let source: Box<dyn Source> = if let Some(folder) = &self.from.images {
            let engine = self
                .engine
                .engine_config(&self.weights, ExifOrientation::Apply)?;
            Box::new(Images::new(folder, engine, focus)?)
        } else if let Some(folder) = &self.from.data {
            Box::new(Folder::new(folder, focus, models))
        } else {
            Box::new(Site::new(&self.from.base_url, focus, models))
        };
        let folder = self.classifiers.folder().lock()?;
        let mut listed = source.collections().context("no collections to train")?;
        if !self.collections.is_empty() {
            listed.retain(|it| it.id.is_some_and(|id| self.collections.contains(&id)));
        }
        anyhow::ensure!(!listed.is_empty(), "there are no collections to train");

        let training = Training {
            source: &*source,
            folder: &folder,
            seed: self.seed,
        };
        let mut report = Report::default();
        for (index, collection) in listed.iter().enumerate() {
            let count = listed.len();
            writeln!(io::stderr(), "[{}/{count}] {collection}", index + 1)?;
            // A panic is a bug of ours, and the other collections are worth training all the same.
            let work = std::panic::AssertUnwindSafe(|| training.train(collection));
            let outcome = std::panic::catch_unwind(work)
                .unwrap_or_else(|panic| Outcome::Failed(engine::panic_text(&*panic).to_owned()));
            report.add(collection, outcome);
        }
        let out = io::stdout().lock();
        if self.json {
            report.write_json(out)?;
        } else {
            report.write_table(out)?;
        }
        Ok(if report.any_failed() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

//! Samples embedded here: `DIR/ID/positive/*` and `DIR/ID/negative/*`; a folder may also be called `ID-NAME`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use engine::classifiers::operations_of;
use engine::{Data, Engine, EngineConfig, Task, TaskList};
use imaging::ExifOrientation;
use serde_json::json;
use tokio::runtime::Runtime;

use super::made_by::MadeBy;
use super::source::{Collection, Focus, Source};
use super::training_data::TrainingData;

/// Images that fail are named, up to this many.
const NAMED_FAILURES: usize = 10;

pub(super) struct Images {
    folder: PathBuf,
    focus: Focus,
    exif_orientation: ExifOrientation,
    engine: Arc<Engine>,
    runtime: Runtime,
    tasks: TaskList,
}

impl Images {
    pub(super) fn new(folder: &Path, engine: EngineConfig, focus: Focus) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let tasks = operations_of(&focus.embedding_type).map(|operation| {
            let params = json!({"target": focus.derivative_type});
            Task {
                operation_id: operation.to_owned(),
                operation: operation.to_owned(),
                params: params.as_object().cloned().unwrap_or_default(),
                refused: None,
            }
        });
        Ok(Self {
            folder: folder.to_owned(),
            tasks: TaskList::new(tasks.collect(), usize::MAX).context("--embedding-type")?,
            focus,
            exif_orientation: engine.exif_orientation,
            engine: Arc::new(Engine::new(engine)?),
            runtime,
        })
    }

    fn folders(&self) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let mut folders = Vec::new();
        for entry in entries(&self.folder)? {
            let name = entry
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if entry.is_dir() && !name.starts_with('.') {
                folders.push((name, entry));
            }
        }
        Ok(folders)
    }

    /// The image's vectors, one behind the other.
    fn embed(&self, path: &Path) -> anyhow::Result<Vec<f32>> {
        let image = std::fs::read(path).context("cannot read it")?;
        let analysis = self.engine.analyze(image.into(), &self.tasks, None, None);
        let analysis = self.runtime.block_on(analysis)?;
        let mut embedding = Vec::new();
        for (_, result) in analysis.results {
            match result.data {
                Some(Data::Embedding(part)) => embedding.extend(part.values),
                _ => bail!("{}", result.error_message.unwrap_or_default()),
            }
        }
        Ok(embedding)
    }
}

/// The collection that a folder's name says.
fn id_of(name: &str) -> Option<u64> {
    let digits = name.split(['-', '_', ' ']).next()?;
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| digits.parse().ok()).flatten()
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = || format!("cannot list {}", folder.display());
    let entries = std::fs::read_dir(folder).with_context(list)?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|it| it.path())).collect();
    let mut paths = paths.with_context(list)?;
    paths.sort();
    Ok(paths)
}

impl Source for Images {
    fn collections(&self) -> anyhow::Result<Vec<Collection>> {
        let mut seen = std::collections::HashSet::new();
        let collections = self.folders()?.into_iter().map(|(name, _)| {
            let id = id_of(&name);
            let problem = match id {
                None => Some("its folder's name does not begin with a number".to_owned()),
                Some(id) if !seen.insert(id) => {
                    Some(format!("there is another folder of collection {id}"))
                }
                Some(_) => None,
            };
            let focus = self.focus.clone();
            Collection {
                id,
                name,
                focus,
                problem,
            }
        });
        Ok(collections.collect())
    }

    fn training_data(&self, collection: u64) -> anyhow::Result<TrainingData> {
        let folders = self.folders()?;
        let (_, folder) = folders
            .iter()
            .find(|(name, _)| id_of(name) == Some(collection))
            .context("its folder is gone")?;
        let (mut data, mut failed) = (TrainingData::default(), Vec::new());
        for (side, label) in [("positive", true), ("negative", false)] {
            let images = entries(&folder.join(side))?;
            for path in images.iter().filter(|path| path.is_file()) {
                match self.embed(path) {
                    Ok(embedding) => data.push(data.labels.len(), &embedding, label)?,
                    Err(error) => failed.push(format!("{}: {error:#}", path.display())),
                }
            }
        }
        for failure in failed.iter().take(NAMED_FAILURES) {
            writeln!(io::stderr(), "    left out: {failure}")?;
        }
        if let Some(more) = failed
            .len()
            .checked_sub(NAMED_FAILURES)
            .filter(|&more| more > 0)
        {
            writeln!(io::stderr(), "    left out: {more} more")?;
        }
        let total = data.labels.len() + failed.len();
        ensure!(
            failed.len() < total.max(1),
            "none of its {total} images could be embedded; {}",
            failed.first().map_or("there are none", String::as_str)
        );
        Ok(data)
    }

    fn made_by(&self, embedding_type: &str) -> MadeBy {
        let models = operations_of(embedding_type).map(|it| self.engine.embedding_model(it));
        MadeBy {
            models: models.collect::<Option<_>>().unwrap_or_default(),
            exif_orientation_applied: Some(self.exif_orientation == ExifOrientation::Apply),
        }
    }
}

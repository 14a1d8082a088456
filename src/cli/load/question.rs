use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use hyper::header::HeaderValue;
use indexmap::IndexMap;

use super::answer::{Answer, Difference, TaskCounts, Unreadable};
use super::connection::{Connection, Reply};
use super::target::Target;
use crate::cli::upload_form::UploadForm;

/// An image and tasks, as the form that is sent each time.
pub(super) struct Question {
    /// For people: the image's file name and the beginning of the tasks.
    pub(super) name: String,
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
    /// Whether answers must be the first one's equals.
    strict: bool,
    /// The first answer. Most others repeat it, and then need not be parsed.
    first: OnceLock<Answer>,
    difference: OnceLock<Difference>,
    /// Number and sum of the times that answers took.
    times: Mutex<(u32, Duration)>,
}

impl Question {
    /// What an answer says, and whether it differs from what it must be.
    pub(super) fn judge(&self, body: Bytes) -> Result<(TaskCounts, bool), Unreadable> {
        let Some(first) = self.first.get() else {
            let answer = Answer::read(body)?;
            let tasks = answer.tasks;
            // With --expect-same the first answer was there before any client began, so nobody else sets it now.
            let _ = self.first.set(answer);
            return Ok((tasks, false));
        };
        if first.is(&body) {
            return Ok((first.tasks, false));
        }
        let answer = Answer::read(body)?;
        let difference = self
            .strict
            .then(|| first.difference(&answer))
            .flatten()
            .map(|(operation_id, expected, got)| Difference {
                question: self.name.clone(),
                operation_id,
                expected,
                got,
            });
        let differs = difference.is_some();
        if let Some(difference) = difference {
            self.difference.get_or_init(|| difference);
        }
        Ok((answer.tasks, differs))
    }

    pub(super) fn took(&self, time: Duration) {
        if let Ok(mut times) = self.times.lock() {
            times.0 += 1;
            times.1 += time;
        }
    }

    /// The mean so far, once there was an answer.
    pub(super) fn typical(&self) -> Option<Duration> {
        let (count, sum) = *self.times.lock().ok()?;
        sum.checked_div(count)
    }
}

/// Every question of the run, each once, whoever asks it.
pub(super) struct Questions {
    images: Vec<(String, Bytes)>,
    strict: bool,
    by_tasks: IndexMap<String, Vec<Arc<Question>>>,
}

impl Questions {
    pub(super) fn read(paths: &[PathBuf], strict: bool) -> anyhow::Result<Self> {
        let image = |path: &PathBuf| {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), bytes.into()))
        };
        Ok(Self {
            images: paths.iter().map(image).collect::<anyhow::Result<_>>()?,
            strict,
            by_tasks: IndexMap::new(),
        })
    }

    pub(super) fn of_every_image(&mut self, tasks: &str) -> Vec<Arc<Question>> {
        if let Some(known) = self.by_tasks.get(tasks) {
            return known.clone();
        }
        let question = |(file_name, image): &(String, Bytes)| {
            let form = UploadForm::new(file_name, image, &[("tasks_json", tasks)]);
            let shown: String = tasks.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown: String = shown.chars().take(200).collect();
            Arc::new(Question {
                name: format!("{file_name} {shown}"),
                content_type: HeaderValue::try_from(form.content_type)
                    .expect("a boundary is hexadecimal digits"),
                body: form.body.into(),
                strict: self.strict,
                first: OnceLock::new(),
                difference: OnceLock::new(),
                times: Mutex::default(),
            })
        };
        let made: Vec<_> = self.images.iter().map(question).collect();
        self.by_tasks.insert(tasks.to_owned(), made.clone());
        made
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Question>> {
        self.by_tasks.values().flatten()
    }

    pub(super) fn first_difference(&self) -> Option<Difference> {
        self.all()
            .find_map(|question| question.difference.get().cloned())
    }
}

/// Asks a question with nothing else under way; its answer is what all later ones must be.
pub(super) async fn ask_alone(
    target: &Target,
    question: &Question,
    give_up: Duration,
) -> anyhow::Result<()> {
    let asked = async {
        let mut connection = Connection::open(target).await?;
        connection.ask(target, question, None).await
    };
    let Reply { status, body } = tokio::time::timeout(give_up, asked)
        .await
        .with_context(|| format!("no answer to '{}' asked alone (--give-up)", question.name))?
        .with_context(|| format!("cannot ask '{}'", question.name))?;
    if !status.is_success() {
        let detail: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        bail!(
            "'{}' asked alone is answered {status}: {detail}",
            question.name
        );
    }
    question.judge(body)?;
    Ok(())
}

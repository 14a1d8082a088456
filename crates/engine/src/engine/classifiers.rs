use std::sync::Arc;

use tokio::task::{JoinError, spawn_blocking};

use super::{AnalyzeError, Engine};
use crate::classifiers::{Classifier, EmbeddingModel, Found, ServedClassifier, Unserved};
use crate::lineup::Role;
use crate::operations::{Kind, Operation};
use crate::plan;
use crate::task::Task;

impl Engine {
    /// Every collection's classifier as it is on disk now, and what is wrong with `best_models.json` if anything is. A
    /// classifier that cannot be asked here, whatever the image, has that as its problem.
    ///
    /// # Errors
    /// [`AnalyzeError::Internal`]: a bug.
    pub async fn classifiers(
        self: &Arc<Self>,
    ) -> Result<(Vec<ServedClassifier>, Option<String>), AnalyzeError> {
        let Some(classifiers) = &self.classifiers else {
            return Ok((Vec::new(), None));
        };
        let (mut all, problem) = classifiers.all().await.map_err(internal)?;
        let engine = Arc::clone(self);
        let checking = spawn_blocking(move || {
            for served in &mut all {
                let checked = served.classifier.as_deref().map(|it| engine.check(it));
                if let (None, Some(Err(unfit))) = (&served.problem, checked) {
                    served.problem = Some(unfit.to_string());
                }
            }
            all
        });
        Ok((checking.await.map_err(internal)?, problem))
    }

    /// The model with which `operation` makes its vectors; none if it makes none. Looks at the disk unless the model is in
    /// memory.
    #[must_use]
    pub fn embedding_model(&self, operation: &str) -> Option<EmbeddingModel> {
        match Operation::find(operation)?.kind {
            Kind::Embed(role) => Some(self.embedding_model_of(role)),
            _ => None,
        }
    }

    /// The classifiers that `tasks` ask, each looked up once: a request sees one version of it. One that was trained on
    /// vectors of other models than this engine's is none that can be asked.
    pub(super) async fn find_classifiers(
        self: &Arc<Self>,
        tasks: &[Task],
    ) -> Result<Found, AnalyzeError> {
        let collections = plan::collections(tasks);
        let Some(classifiers) = self
            .classifiers
            .as_ref()
            .filter(|_| !collections.is_empty())
        else {
            return Ok(Found::new());
        };
        let mut found = classifiers.find(collections).await.map_err(internal)?;
        let engine = Arc::clone(self);
        let checking = spawn_blocking(move || {
            for entry in found.values_mut() {
                if let Ok(classifier) = entry
                    && let Err(unfit) = engine.check_models(classifier)
                {
                    *entry = Err(unfit);
                }
            }
            found
        });
        checking.await.map_err(internal)
    }

    /// Whether the classifier can be asked about this engine's embeddings.
    fn check(&self, classifier: &Classifier) -> Result<(), Unserved> {
        classifier.region()?;
        self.check_models(classifier)?;
        let roles = classifier.roles()?.into_iter();
        let widths = roles.filter_map(|role| self.model(role).dims());
        classifier.takes(widths.sum())
    }

    /// The model that has `role`, with the hash of its weights where that is known.
    fn embedding_model_of(&self, role: Role) -> EmbeddingModel {
        let model = self.model(role);
        let runner = self.machine.runners.get(&model);
        EmbeddingModel {
            sha256: runner.and_then(|runner| runner.known_sha256()),
            ..EmbeddingModel::new(model.name())
        }
    }

    /// Whether this engine's embeddings are of the models that the classifier was trained with.
    fn check_models(&self, classifier: &Classifier) -> Result<(), Unserved> {
        let roles = classifier.roles()?.into_iter();
        let here: Vec<_> = roles.map(|role| self.embedding_model_of(role)).collect();
        classifier.fits(&here)
    }
}

fn internal(error: JoinError) -> AnalyzeError {
    tracing::error!(%error, "looking for classifiers failed");
    AnalyzeError::Internal
}

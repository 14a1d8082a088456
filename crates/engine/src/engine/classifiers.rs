use std::sync::Arc;

use super::{AnalyzeError, Engine};
use crate::classifiers::{Classifier, Found, ServedClassifier, ServedClassifiers, Unserved};
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
        let engine = Arc::clone(self);
        let listing = tokio::task::spawn_blocking(move || {
            let all = engine.classifiers.as_ref().map(ServedClassifiers::all);
            let (mut all, problem) = all.unwrap_or_default();
            for served in &mut all {
                let checked = served.classifier.as_deref().map(|it| engine.check(it));
                if let (None, Some(Err(unfit))) = (&served.problem, checked) {
                    served.problem = Some(unfit.to_string());
                }
            }
            (all, problem)
        });
        listing.await.map_err(internal)
    }

    /// The classifiers that `tasks` ask, each looked up once: a request sees one version of it. Files are read where they
    /// changed, so it happens on no async thread.
    pub(super) async fn find_classifiers(
        self: &Arc<Self>,
        tasks: &[Task],
    ) -> Result<Found, AnalyzeError> {
        let collections = plan::collections(tasks);
        if collections.is_empty() {
            return Ok(Found::new());
        }
        let engine = Arc::clone(self);
        let search = tokio::task::spawn_blocking(move || {
            let classifiers = engine.classifiers.as_ref();
            classifiers
                .map(|it| it.find(collections))
                .unwrap_or_default()
        });
        search.await.map_err(internal)
    }

    /// Whether the classifier can be asked about this engine's embeddings.
    fn check(&self, classifier: &Classifier) -> Result<(), Unserved> {
        classifier.region()?;
        let roles = classifier.roles()?.into_iter();
        let widths = roles.filter_map(|role| self.model(role).dims());
        classifier.takes(widths.sum())
    }
}

fn internal(error: tokio::task::JoinError) -> AnalyzeError {
    tracing::error!(%error, "looking for classifiers failed");
    AnalyzeError::Internal
}

use crate::classifiers::Unserved;
use crate::network::ModelError;
use crate::plan::Detect;
use crate::result::OperationResult;
use crate::threads::Panicked;

/// What a node gave.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why a node gave nothing; passed on to all that needed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is nothing of the kind to work on.
    NotFound(Detect),
    /// There is something, but not to be worked on.
    Unusable(String),
    /// It should have worked.
    Broken(String),
}

impl Failure {
    /// The result of the task called `operation_id`, which needed the node.
    pub(crate) fn result(self, operation_id: &str) -> OperationResult {
        match self {
            Self::NotFound(node) => OperationResult::skipped(format!(
                "No prominent {} found for operation '{operation_id}'.",
                node.finds()
            )),
            Self::Unusable(reason) => OperationResult::skipped(reason),
            Self::Broken(reason) => OperationResult::error(reason),
        }
    }

    /// The same with `more` said behind the reason.
    pub(crate) fn with(self, more: &str) -> Self {
        match self {
            Self::NotFound(node) => Self::NotFound(node),
            Self::Unusable(reason) => Self::Unusable(reason + more),
            Self::Broken(reason) => Self::Broken(reason + more),
        }
    }
}

/// A parameter that cannot be used says why.
impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Unusable(reason)
    }
}

impl From<Unserved> for Failure {
    fn from(error: Unserved) -> Self {
        let reason = error.to_string();
        match error {
            Unserved::Unknown(_) => Self::Unusable(reason),
            Unserved::Broken { .. } => Self::Broken(reason),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let reason = error.to_string();
        match error {
            ModelError::Prompt(_) => Self::Unusable(reason),
            ModelError::Unavailable(..) | ModelError::Failed(..) | ModelError::Panicked => {
                Self::Broken(reason)
            }
        }
    }
}

impl From<Panicked> for Failure {
    fn from(Panicked: Panicked) -> Self {
        ModelError::Panicked.into()
    }
}

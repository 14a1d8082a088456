use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::classifiers::Unserved;
use crate::model::Detector;
use crate::panic_text;
use crate::result::OperationResult;

/// What a computation gave.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why a computation gave nothing; passed on to all that needed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is nothing of the kind to work on.
    NotFound(Detector),
    /// There is something, but not to be worked on.
    Unusable(String),
    /// It should have worked.
    Broken(String),
}

impl Failure {
    /// The result of the task called `operation_id`, which needed the computation.
    pub(crate) fn result(self, operation_id: &str) -> OperationResult {
        match self {
            Self::NotFound(detector) => OperationResult::skipped(format!(
                "No prominent {} found for operation '{operation_id}'.",
                detector.finds()
            )),
            Self::Unusable(reason) => OperationResult::skipped(reason),
            Self::Broken(reason) => OperationResult::error(reason),
        }
    }

    /// The same with `more` said behind the reason.
    pub(crate) fn with(self, more: &str) -> Self {
        match self {
            Self::NotFound(detector) => Self::NotFound(detector),
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

/// What `key` gave, or why it gave nothing. A plan holds all that its nodes need.
pub(crate) fn found<'a, K: Eq + Hash + Debug, T>(
    outcomes: &'a HashMap<K, Outcome<T>>,
    key: &K,
) -> Outcome<&'a T> {
    match outcomes.get(key) {
        Some(outcome) => outcome.as_ref().map_err(Failure::clone),
        None => Err(Failure::Broken(format!("{key:?} is not in the plan"))),
    }
}

/// A panic is a failure of the one computation.
pub(crate) fn guarded<T>(node: impl Debug, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let cause = panic_text(&*panic);
        tracing::error!(?node, cause, "a computation panicked");
        let message = "internal error; the server's log has the cause";
        Err(Failure::Broken(message.to_owned()))
    })
}

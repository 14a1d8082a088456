use std::collections::HashSet;

use thiserror::Error;

/// A task's parameters, as the client wrote them; each operation reads the ones it knows.
pub type Params = serde_json::Map<String, serde_json::Value>;

/// One thing a client wants to know about an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The client's own name for this task; its result comes back under it.
    pub operation_id: String,
    /// The operation's name, e.g. `detect_bounding_box`; an unknown one is skipped, not refused.
    pub operation: String,
    /// Parameters; empty if the client gave none.
    pub params: Params,
    /// Why it is not to be done, whatever it asks; the client is told.
    pub refused: Option<String>,
}

/// The tasks of one request: no more than the limit, and no two with the same `operation_id`.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskList(Vec<Task>);

/// Why a list of tasks cannot be a request.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TaskListError {
    /// More tasks than the server takes in one request.
    #[error("{found} tasks are more than the {limit} that one request may have")]
    TooMany {
        /// Tasks in the request.
        found: usize,
        /// The server's limit.
        limit: usize,
    },
    /// Two results would have to go under the same key.
    #[error("operation_id '{0}' is used by more than one task")]
    DuplicateOperationId(String),
}

impl TaskList {
    /// Checks the rules that concern the list as a whole.
    ///
    /// # Errors
    /// [`TaskListError`], naming the limit or the first `operation_id` that comes twice.
    pub fn new(tasks: Vec<Task>, limit: usize) -> Result<Self, TaskListError> {
        Self::check_length(tasks.len(), limit)?;
        let mut seen = HashSet::with_capacity(tasks.len());
        for task in &tasks {
            if !seen.insert(task.operation_id.as_str()) {
                return Err(TaskListError::DuplicateOperationId(
                    task.operation_id.clone(),
                ));
            }
        }
        Ok(Self(tasks))
    }

    /// Whether a list of so many tasks is taken at all, before any of them is read.
    ///
    /// # Errors
    /// [`TaskListError::TooMany`].
    pub fn check_length(found: usize, limit: usize) -> Result<(), TaskListError> {
        match found <= limit {
            true => Ok(()),
            false => Err(TaskListError::TooMany { found, limit }),
        }
    }

    /// The tasks, in the client's order.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> Task {
        Task {
            operation_id: id.into(),
            operation: "x".into(),
            params: Params::new(),
            refused: None,
        }
    }

    #[test]
    fn the_first_repeated_id_is_named() {
        let list = TaskList::new(vec![task("a"), task("b"), task("b"), task("a")], 10);
        assert_eq!(list, Err(TaskListError::DuplicateOperationId("b".into())));
    }

    #[test]
    fn the_limit_is_inclusive() {
        assert!(TaskList::new(vec![task("a"), task("b")], 2).is_ok());
        let error = TaskList::new(vec![task("a"), task("b")], 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 tasks are more than the 1 that one request may have"
        );
    }
}

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// Characters shown of each side of a difference.
const SHOWN: usize = 120;

/// An answer of 2xx whose body is not one of the service's.
#[derive(Debug, Error)]
#[error("the server does not answer as image-embed does: {0}")]
pub(super) struct Unreadable(#[from] serde_json::Error);

/// How many tasks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct TaskCounts {
    pub(super) success: u64,
    pub(super) skipped: u64,
    pub(super) error: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Skipped,
    Error,
}

#[derive(Deserialize)]
struct TaskResult {
    status: Status,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: &'a RawValue,
}

/// An answer's body, and what it says of its tasks.
pub(super) struct Answer {
    body: Bytes,
    pub(super) tasks: TaskCounts,
}

/// The first answer that was not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// The image and the tasks.
    pub(super) question: String,
    /// The task whose result differs; none where the results are not of the same tasks in the same order.
    pub(super) operation_id: Option<String>,
    /// What was answered first, from shortly before the place where the two part.
    pub(super) expected: String,
    /// What was answered now, from there too.
    pub(super) got: String,
}

impl Answer {
    pub(super) fn read(body: Bytes) -> Result<Self, Unreadable> {
        let results = results(&body)?;
        let results: IndexMap<String, TaskResult> = serde_json::from_str(results)?;
        let mut tasks = TaskCounts::default();
        for TaskResult { status } in results.values() {
            match status {
                Status::Success => tasks.success += 1,
                Status::Skipped => tasks.skipped += 1,
                Status::Error => tasks.error += 1,
            }
        }
        Ok(Self { body, tasks })
    }

    /// Whether `body` is this answer to the byte.
    pub(super) fn is(&self, body: &[u8]) -> bool {
        *self.body == *body
    }

    /// The task of the first difference between the two answers' `results`, and both from there.
    pub(super) fn difference(&self, other: &Self) -> Option<(Option<String>, String, String)> {
        // Both were read before.
        let (expected, got) = (results(&self.body).ok()?, results(&other.body).ok()?);
        if expected == got {
            return None;
        }
        let tasks =
            |json| serde_json::from_str::<IndexMap<String, &RawValue>>(json).unwrap_or_default();
        let (expected_tasks, got_tasks) = (tasks(expected), tasks(got));
        let pairs = expected_tasks.iter().zip(&got_tasks);
        for ((id, expected), (got_id, got)) in pairs {
            if id == got_id && expected.get() != got.get() {
                let (expected, got) = parting(expected.get(), got.get());
                return Some((Some(id.clone()), expected, got));
            }
            if id != got_id {
                break;
            }
        }
        let (expected, got) = parting(expected, got);
        Some((None, expected, got))
    }
}

fn results(body: &[u8]) -> Result<&str, Unreadable> {
    let Results { results } = serde_json::from_slice(body)?;
    Ok(results.get())
}

/// Both texts from a little before the first byte in which they differ.
fn parting(a: &str, b: &str) -> (String, String) {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let from = a.floor_char_boundary(same.saturating_sub(SHOWN / 4));
    let shown = |text: &str| text[from..].chars().take(SHOWN).collect();
    (shown(a), shown(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(results: &str) -> Answer {
        let body = format!(r#"{{"image_url":"uploaded:x","results":{results}}}"#);
        Answer::read(body.into()).unwrap()
    }

    #[test]
    fn tasks_are_counted_by_status() {
        let tasks = answer(
            r#"{"a":{"status":"success","data":[1]},"b":{"status":"error"},"c":{"status":"success"},"d":{"status":"skipped"}}"#,
        )
        .tasks;
        let (success, skipped, error) = (tasks.success, tasks.skipped, tasks.error);
        assert_eq!((success, skipped, error), (2, 1, 1));
    }

    #[test]
    fn what_is_no_answer_is_unreadable() {
        for body in ["", "{}", r#"{"results":[]}"#, r#"{"results":{"a":{}}}"#] {
            assert!(Answer::read(body.into()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_difference_names_its_task_and_shows_both() {
        let first = answer(r#"{"a":{"status":"success"},"b":{"status":"success","data":[1.0]}}"#);
        let other = answer(r#"{"a":{"status":"success"},"b":{"status":"success","data":[1.00]}}"#);
        let (task, expected, got) = first.difference(&other).unwrap();
        assert_eq!(task.as_deref(), Some("b"));
        assert!(expected.ends_with("[1.0]}") && got.ends_with("[1.00]}"));
        assert_eq!(first.difference(&first), None);
    }

    #[test]
    fn another_order_is_a_difference() {
        let first = answer(r#"{"a":{"status":"success"},"b":{"status":"success"}}"#);
        let other = answer(r#"{"b":{"status":"success"},"a":{"status":"success"}}"#);
        assert_eq!(first.difference(&other).unwrap().0, None);
        let fewer = answer(r#"{"a":{"status":"success"}}"#);
        assert_eq!(first.difference(&fewer).unwrap().0, None);
    }
}

use std::collections::BTreeMap;

use super::answer::TaskCounts;
use super::client::{End, Manner};
use super::latency::to_microseconds;

/// What a group's clients saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) failed_connections: u64,
    pub(super) hung_up: u64,
    pub(super) tasks: TaskCounts,
    pub(super) different: u64,
    pub(super) unreadable: u64,
    /// Milliseconds, of answers of 2xx.
    pub(super) times: Vec<f64>,
    /// The same of all others.
    pub(super) other_times: Vec<f64>,
    pub(super) first_failure: Option<String>,
    /// Whether requests may run out of time without that being a failure.
    may_time_out: bool,
}

impl Tally {
    pub(super) fn new(manner: &Manner) -> Self {
        Self {
            may_time_out: manner.timeout_ms.is_some(),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, end: End) {
        match end {
            End::HungUp => self.hung_up += 1,
            End::Failed(reason) => {
                self.failed_connections += 1;
                self.first_failure.get_or_insert(reason);
            }
            End::Answered {
                status,
                took,
                tasks,
                differs,
                complaint,
            } => {
                *self.statuses.entry(status.as_u16()).or_default() += 1;
                let took = to_microseconds(took.as_secs_f64() * 1e3);
                if status.is_success() {
                    self.times.push(took);
                    self.unreadable += u64::from(complaint.is_some());
                } else {
                    self.other_times.push(took);
                }
                self.tasks.success += tasks.success;
                self.tasks.skipped += tasks.skipped;
                self.tasks.error += tasks.error;
                self.different += u64::from(differs);
                if let Some(complaint) = complaint.filter(|_| !self.is_asked_for(status.as_u16())) {
                    self.first_failure.get_or_insert(complaint);
                }
            }
        }
    }

    pub(super) fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// 2xx with a body that is an answer.
    pub(super) fn ok(&self) -> u64 {
        self.times.len() as u64 - self.unreadable
    }

    /// Whether a request ended otherwise than it was asked to.
    pub(super) fn failed(&self) -> bool {
        let unasked = |status: &u16| !matches!(status, 200..=299) && !self.is_asked_for(*status);
        self.failed_connections > 0
            || self.different > 0
            || self.unreadable > 0
            || self.statuses.keys().any(unasked)
    }

    /// Of a refusal: a server that is full says 429, and one that is given too little time says 504.
    fn is_asked_for(&self, status: u16) -> bool {
        status == 429 || (status == 504 && self.may_time_out)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use hyper::StatusCode;

    use super::*;

    fn failed(timeout_ms: Option<u64>, end: End) -> bool {
        let mut tally = Tally::new(&Manner {
            timeout_ms: timeout_ms.and_then(NonZeroU64::new),
            hang_up: 0.0,
            give_up: Duration::MAX,
        });
        tally.add(end);
        tally.failed()
    }

    fn answered(status: u16, differs: bool) -> End {
        End::Answered {
            status: StatusCode::from_u16(status).unwrap(),
            took: Duration::from_millis(1),
            tasks: TaskCounts::default(),
            differs,
            complaint: (status != 200).then(String::new),
        }
    }

    #[test]
    fn what_was_asked_for_is_no_failure() {
        assert!(!failed(None, answered(200, false)));
        assert!(!failed(None, answered(429, false)));
        assert!(!failed(Some(5), answered(504, false)));
        assert!(!failed(None, End::HungUp));
    }

    #[test]
    fn all_else_is_one() {
        assert!(failed(None, answered(200, true)));
        assert!(failed(None, answered(504, false)));
        assert!(failed(Some(5), answered(503, false)));
        assert!(failed(None, answered(404, false)));
        assert!(failed(None, End::Failed(String::new())));
    }
}

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::answer::{Difference, TaskCounts};
use super::group::Seen;
use super::latency::{Latency, to_microseconds};

/// What a run of the load generator says.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    measured: GroupReport,
    /// One for each `--beside`, in their order.
    beside: Vec<GroupReport>,
    first_difference: Option<Difference>,
    /// Whether a request ended otherwise than it was asked to.
    pub(super) failed: bool,
}

#[derive(Debug, Serialize)]
struct GroupReport {
    clients: usize,
    /// That ended in some way.
    requests: u64,
    /// Answered with 2xx.
    ok: u64,
    by_status: BTreeMap<u16, u64>,
    failed_connections: u64,
    hung_up: u64,
    /// Answers of 2xx that are not the service's.
    unreadable: u64,
    tasks: TaskCounts,
    different: u64,
    duration_s: f64,
    /// Answers a second, whatever their status.
    requests_per_s: f64,
    ok_per_s: f64,
    /// Of answers of 2xx, from the first byte sent to the last one received.
    latency_ms: Option<Latency>,
    /// Of all other answers.
    other_latency_ms: Option<Latency>,
    first_failure: Option<String>,
}

impl Report {
    pub(super) fn new(
        measured: Seen,
        beside: Vec<Seen>,
        first_difference: Option<Difference>,
    ) -> Self {
        let failed = measured.tally.failed() || beside.iter().any(|seen| seen.tally.failed());
        Self {
            measured: GroupReport::new(measured),
            beside: beside.into_iter().map(GroupReport::new).collect(),
            first_difference,
            failed,
        }
    }
}

impl GroupReport {
    fn new(seen: Seen) -> Self {
        let Seen {
            clients,
            duration,
            tally,
        } = seen;
        let (ok, answered) = (tally.ok(), tally.answered());
        let seconds = duration.as_secs_f64();
        let rate = |count: u64| to_microseconds(count as f64 / seconds.max(1e-9));
        Self {
            clients,
            requests: answered + tally.failed_connections + tally.hung_up,
            ok,
            failed_connections: tally.failed_connections,
            hung_up: tally.hung_up,
            unreadable: tally.unreadable,
            tasks: tally.tasks,
            different: tally.different,
            duration_s: to_microseconds(seconds),
            requests_per_s: rate(answered),
            ok_per_s: rate(ok),
            by_status: tally.statuses,
            latency_ms: Latency::of(tally.times),
            other_latency_ms: Latency::of(tally.other_times),
            first_failure: tally.first_failure,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "measured: {}", self.measured)?;
        for beside in &self.beside {
            write!(f, "beside: {beside}")?;
        }
        if let Some(difference) = &self.first_difference {
            let task = difference.operation_id.as_deref();
            writeln!(f, "first different answer, to {}", difference.question)?;
            writeln!(f, "  task      {}", task.unwrap_or("(not the same tasks)"))?;
            writeln!(f, "  expected  …{}…", difference.expected)?;
            writeln!(f, "  got       …{}…", difference.got)?;
        }
        Ok(())
    }
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests of {} clients in {:.2} s, {:.2} answers/s, {:.2} ok/s",
            self.requests, self.clients, self.duration_s, self.requests_per_s, self.ok_per_s
        )?;
        let statuses: Vec<_> = self
            .by_status
            .iter()
            .map(|(status, count)| format!("{status}: {count}"))
            .collect();
        writeln!(
            f,
            "  ok {}; {{{}}}; failed connections {}, hung up {}, unreadable {}, different {}",
            self.ok,
            statuses.join(", "),
            self.failed_connections,
            self.hung_up,
            self.unreadable,
            self.different
        )?;
        let TaskCounts {
            success,
            skipped,
            error,
        } = self.tasks;
        writeln!(
            f,
            "  tasks: success {success}, skipped {skipped}, error {error}"
        )?;
        if let Some(latency) = &self.latency_ms {
            writeln!(f, "  ms of ok answers: {latency}")?;
        }
        if let Some(latency) = &self.other_latency_ms {
            writeln!(f, "  ms of other answers: {latency}")?;
        }
        if let Some(failure) = &self.first_failure {
            writeln!(f, "  first failure: {failure}")?;
        }
        Ok(())
    }
}

//! The operating system's limit on open files, of which each connection is one.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Files beside connections: the log, the listener, weights and classifiers being read, name look-ups.
const OTHERS: u64 = 64;

/// Raises the limit as far as this process may, and returns how many of `connections` fit below it when each of `in_flight`
/// requests also fetches an image.
pub(crate) fn fit_connections(connections: usize, in_flight: usize) -> usize {
    let limit = raised();
    let beside = OTHERS.saturating_add(in_flight as u64);
    let room = usize::try_from(limit.saturating_sub(beside)).unwrap_or(usize::MAX);
    if room >= connections {
        return connections;
    }
    let fitting = room.max(1);
    warn!(
        limit,
        "only {fitting} connections at a time instead of {connections}: the limit on open files is too low (see ulimit -n, \
         LimitNOFILE, --ulimit)"
    );
    fitting
}

/// The limit, once it is as high as it may be.
fn raised() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    if before != limit.maximum {
        limit.current = limit.maximum;
        match setrlimit(Resource::Nofile, limit) {
            Ok(()) => debug!(?before, after = ?limit.current, "raised the limit on open files"),
            Err(error) => {
                debug!(%error, "could not raise the limit on open files");
                limit.current = before;
            }
        }
    }
    limit.current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_below_the_limit_on_open_files() {
        let limit = raised();
        assert_eq!(
            getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            limit
        );
        assert_eq!(fit_connections(1, 1), 1);
        let Ok(most) = usize::try_from(limit) else {
            return;
        };
        let fitting = fit_connections(most, 10);
        assert_eq!(fitting as u64, (limit - OTHERS - 10).max(1));
    }
}

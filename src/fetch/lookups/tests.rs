use std::sync::Condvar;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::*;
use crate::fetch::resolver::{Resolve, Resolving};
use crate::fetch::{FetchError, FetchPolicy, Fetcher};

const SHORT: Duration = Duration::from_millis(100);

/// A name server that answers nobody until it is told to. Names with "panic" or "error" in them
/// come to that end.
#[derive(Clone, Default)]
struct NameServer(Arc<(Mutex<Calls>, Condvar)>);

#[derive(Default)]
struct Calls {
    answering: bool,
    running: usize,
    most: usize,
    names: Vec<String>,
}

impl NameServer {
    fn lookups(&self, most_at_a_time: usize) -> Lookups {
        let server = self.clone();
        Lookups::new(most_at_a_time, move |host| server.look_up(host))
    }

    fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let (calls, changed) = &*self.0;
        let mut calls = calls.lock().unwrap();
        calls.names.push(host.to_owned());
        calls.running += 1;
        calls.most = calls.most.max(calls.running);
        calls = changed.wait_while(calls, |it| !it.answering).unwrap();
        calls.running -= 1;
        drop(calls);
        assert!(!host.contains("panic"), "as asked for");
        if host.contains("error") {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such name"));
        }
        Ok(vec![IpAddr::from([8, 8, 8, 8])])
    }

    fn answer(&self) {
        self.0.0.lock().unwrap().answering = true;
        self.0.1.notify_all();
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.0.lock().unwrap()
    }
}

/// Answers at last, as a runtime waits for its blocking threads.
struct AnswersAtLast(NameServer);

impl Drop for AnswersAtLast {
    fn drop(&mut self) {
        self.0.answer();
    }
}

fn name_server() -> (NameServer, AnswersAtLast) {
    let server = NameServer::default();
    (server.clone(), AnswersAtLast(server))
}

struct Resolver(Lookups);

impl Resolve for Resolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(self.0.addresses(host))
    }
}

#[tokio::test]
async fn many_fetches_of_names_that_hang_take_few_threads_and_end_in_their_own_time() {
    let (server, _at_last) = name_server();
    let policy = FetchPolicy {
        connect_timeout: SHORT,
        ..FetchPolicy::default()
    };
    let fetcher = Fetcher::with_resolver(policy, Resolver(server.lookups(4))).unwrap();
    let began = Instant::now();
    for wave in 0..2 {
        let mut fetches = tokio::task::JoinSet::new();
        for number in 0..60 {
            let fetcher = fetcher.clone();
            let url = format!("http://host{wave}-{number}.example/");
            fetches.spawn(async move { fetcher.get(&url).await });
        }
        for fetched in fetches.join_all().await {
            let error = fetched.unwrap_err();
            assert!(
                matches!(error, FetchError::ConnectTimeout { .. }),
                "{error}"
            );
        }
        // Those of the first wave still run when the second comes: nobody waits for them, and they count.
        let calls = server.calls();
        assert_eq!((calls.running, calls.most, calls.names.len()), (4, 4, 4));
    }
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn whoever_waits_for_a_name_shares_its_look_up() {
    let (server, _at_last) = name_server();
    let lookups = Arc::new(server.lookups(2));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        for name in ["a", "error.b"] {
            let lookups = Arc::clone(&lookups);
            waiting.spawn(async move { lookups.addresses(name).await });
        }
    }
    tokio::time::sleep(SHORT).await;
    server.answer();
    let found = waiting.join_all().await;
    let failures: Vec<_> = found.iter().filter_map(|it| it.as_ref().err()).collect();
    assert_eq!(failures.len(), 20);
    for error in failures {
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
    assert_eq!(server.calls().names.len(), 2);
    // Nothing is remembered: what a name's addresses are may change.
    assert!(lookups.addresses("a").await.is_ok());
    assert_eq!(server.calls().names.len(), 3);
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_the_queue() {
    let (server, _at_last) = name_server();
    let lookups = server.lookups(1);
    for name in ["a", "b"] {
        assert!(timeout(SHORT, lookups.addresses(name)).await.is_err());
    }
    server.answer();
    assert!(lookups.addresses("c").await.is_ok());
    assert_eq!(server.calls().names, ["a", "c"]);
}

#[tokio::test]
async fn a_look_up_that_panics_makes_room() {
    let (server, _at_last) = name_server();
    server.answer();
    let lookups = server.lookups(1);
    for _ in 0..2 {
        assert!(lookups.addresses("panic").await.is_err());
    }
    assert!(lookups.addresses("a").await.is_ok());
}

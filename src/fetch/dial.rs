//! Opens a TCP connection to the first of several addresses that answers (RFC 8305, "happy
//! eyeballs").

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an attempt is waited for before the next address is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// However many addresses a name has, it makes this service send no more connection attempts than
/// these.
const MOST_ATTEMPTS: usize = 8;

/// Dials the addresses in their order. Without an answer from any, the last error; the caller
/// bounds the time.
pub(super) async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut untried = addresses.iter().copied().take(MOST_ATTEMPTS).peekable();
    let mut attempts = JoinSet::new(); // dropped with its attempts as soon as one has won
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = untried.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        let patience = if untried.peek().is_some() {
            ATTEMPT_DELAY
        } else {
            Duration::MAX
        };
        match timeout(patience, attempts.join_next()).await {
            Err(_still_waiting) => {}
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => last_error = error,
            Ok(Some(Err(panicked))) => last_error = io::Error::other(panicked),
            Ok(None) => return Err(last_error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn dead_addresses_are_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = |last| SocketAddr::from(([127, 0, 0, last], alive.port()));
        let stream = dial(&[dead(2), dead(3), alive]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
    }

    #[tokio::test]
    async fn no_more_than_eight_addresses_are_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let mut addresses: Vec<_> = (2..10)
            .map(|last| SocketAddr::from(([127, 0, 0, last], alive.port())))
            .collect();
        addresses.push(alive);
        let error = dial(&addresses).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(
            dial(&addresses[1..]).await.is_ok(),
            "the eighth is still tried"
        );
    }

    #[tokio::test]
    async fn without_addresses_it_fails_at_once() {
        let start = Instant::now();
        assert!(dial(&[]).await.is_err());
        assert!(start.elapsed() < ATTEMPT_DELAY);
    }
}

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a client takes of an answer in each stretch of waiting, at least: 17 KB a second, if the limit is 15 s.
const LEAST: usize = 256 << 10;

/// A client's stream that breaks if the client takes its answer too slowly.
///
/// Only time in which the client keeps the server waiting counts. As soon as it has taken [`LEAST`] bytes, its time begins anew: a
/// client that takes a byte now and then would hold an answer's memory for ever.
pub(super) struct Paced<S> {
    stream: S,
    limit: Duration,
    /// Time that it has kept the server waiting.
    waited: Duration,
    /// Bytes that it has taken meanwhile.
    taken: usize,
    waiting: Option<Waiting>,
}

struct Waiting {
    since: Instant,
    over: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            waited: Duration::ZERO,
            taken: 0,
            waiting: None,
        }
    }

    /// Passes on what became of a write, unless the client has kept the server waiting for too long.
    fn write(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = written else {
            let waiting = self.waiting.get_or_insert_with(|| {
                let since = Instant::now();
                let over = since + self.limit.saturating_sub(self.waited);
                let over = Box::pin(sleep_until(over));
                Waiting { since, over }
            });
            ready!(waiting.over.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        if let Some(waiting) = self.waiting.take() {
            self.waited += waiting.since.elapsed();
        }
        self.taken += *written.as_ref().unwrap_or(&0);
        if self.taken >= LEAST {
            (self.waited, self.taken) = (Duration::ZERO, 0);
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(15);

    /// Writes `length` bytes to a client that takes `pieces` bytes every `pause`; how that ended, and after how long.
    async fn outcome(length: usize, piece: usize, pause: Duration) -> (io::Result<()>, Duration) {
        let (server, mut client): (_, DuplexStream) = duplex(1024);
        let reading = tokio::spawn(async move {
            let mut bytes = vec![0; piece];
            loop {
                sleep(pause).await;
                if client.read_exact(&mut bytes).await.is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let mut server = Paced::new(server, LIMIT);
        let written = server.write_all(&vec![0; length]).await;
        reading.abort();
        (written, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_cut_off() {
        let (written, after) = outcome(4096, 1, Duration::from_secs(3)).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(after >= LIMIT && after < 2 * LIMIT, "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_a_good_part_each_time_is_not() {
        let (written, after) = outcome(8 * LEAST, LEAST / 4, Duration::from_secs(3)).await;
        written.unwrap();
        assert!(after > 4 * LIMIT, "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn time_between_answers_does_not_count() {
        let (server, mut client) = duplex(4096);
        let mut server = Paced::new(server, LIMIT);
        for _ in 0..9 {
            server.write_all(&[0; 4096]).await.unwrap();
            sleep(LIMIT).await;
            client.read_exact(&mut [0; 4096]).await.unwrap();
        }
    }
}

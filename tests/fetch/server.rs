//! A server that says whatever a test wants, and a resolver likewise.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use image_embed::fetch::resolver::{Resolve, Resolving};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A TCP server that hands each connection, its request head read, to a handler. It ends when
/// dropped.
pub(crate) struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    served: Arc<AtomicUsize>,
    _listening: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(TcpStream, String) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_on("127.0.0.1:0", handler).await
    }

    pub(crate) async fn start_on<H, F>(address: &str, handler: H) -> Self
    where
        H: Fn(TcpStream, String) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let served = Arc::new(AtomicUsize::new(0));
        let (log, count) = (Arc::clone(&heads), Arc::clone(&served));
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let head = read_head(&mut stream).await;
                log.lock().expect("no panic").push(head.clone());
                let (answer, count) = (handler(stream, head), Arc::clone(&count));
                connections.spawn(async move {
                    answer.await;
                    count.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            heads,
            served,
            _listening: listening,
        }
    }

    /// A server that gives the same bytes to whoever asks.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        Self::answering_on("127.0.0.1:0", answer).await
    }

    pub(crate) async fn answering_on(address: &str, answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start_on(address, move |stream, _| send(stream, answer.clone())).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a path here, under this host name.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port())
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }

    /// How many connections are done with.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("an ASCII head")
}

/// Sends the bytes and closes.
pub(crate) async fn send(mut stream: TcpStream, answer: Vec<u8>) {
    // The client may hang up early: that is for the test to judge.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
    let _ = stream.read(&mut [0; 64]).await;
}

/// A `200 OK` with this body.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    with_headers(
        "200 OK",
        &format!("Content-Length: {}\r\n", body.len()),
        body,
    )
}

/// A redirect to this place.
pub(crate) fn redirect(location: &str) -> Vec<u8> {
    let headers = format!("Location: {location}\r\nContent-Length: 0\r\n");
    with_headers("302 Found", &headers, b"")
}

/// An answer with these header lines, each ended by CR LF.
pub(crate) fn with_headers(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A resolver that gives the first list of addresses to the first lookup, and so on; the last list
/// for ever.
#[derive(Clone)]
pub(crate) struct Names {
    answers: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    pub(crate) fn answering(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| {
            answer
                .iter()
                .map(|address| address.parse().expect("an address"))
                .collect()
        };
        Self {
            answers: Arc::new(Mutex::new(answers.iter().map(parse).collect())),
            asked: Arc::default(),
        }
    }

    /// The names looked up so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        self.asked.lock().expect("no panic").push(host.to_owned());
        let mut answers = self.answers.lock().expect("no panic");
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        let answer = answer.ok_or_else(|| io::Error::other("no such name at 10.9.8.7"));
        Box::pin(async move { answer })
    }
}

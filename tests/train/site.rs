//! A training site on loopback.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// How a path is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    Text(String),
    Status(u16),
    /// Promises all of the text, and sends half.
    Half(String),
    /// The first of the numbers of times, a status; then the text.
    After(usize, u16, String),
}

pub(crate) struct Site {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) fn start(answers: Vec<(&str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: HashMap<String, Answer> = answers
            .into_iter()
            .map(|(path, answer)| (path.to_owned(), answer))
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else {
                    continue;
                };
                for line in lines.by_ref() {
                    if line.is_ok_and(|line| line.is_empty()) {
                        break;
                    }
                }
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let times = {
                    let mut log = log.lock().unwrap();
                    log.push(path.clone());
                    log.iter().filter(|asked| **asked == path).count()
                };
                let (status, text, cut) = match answers.get(&path).cloned() {
                    None => (404, "not here".to_owned(), false),
                    Some(Answer::Status(status)) => (status, "<h1>Sorry</h1>".to_owned(), false),
                    Some(Answer::Text(text)) => (200, text, false),
                    Some(Answer::Half(text)) => (200, text, true),
                    Some(Answer::After(count, status, _)) if times <= count => {
                        (status, String::new(), false)
                    }
                    Some(Answer::After(_, _, text)) => (200, text, false),
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    text.len()
                );
                let body = if cut { &text[..text.len() / 2] } else { &text };
                // The client may have gone.
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body.as_bytes());
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Self { url, asked }
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|it| *it == path).count()
    }
}

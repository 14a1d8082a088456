//! Odd answers, and what Python's `requests` makes of each: the same, unless the case says why not.
//! `parity/fetch_answers.py` asked `requests` and wrote `answers.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use image_embed::fetch::Fetcher;

use super::policy;
use super::server::{Server, send};

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    requests: Outcome,
    ours: Option<Ours>,
    answers: BTreeMap<String, Vec<Choice>>,
}

/// What `requests` gave: the body, or that it raised.
#[derive(Deserialize)]
struct Outcome {
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ours {
    Taken,
}

/// An answer for requests that have something in them.
#[derive(Deserialize, Clone)]
struct Choice {
    needs: String,
    answer: String,
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(character).expect("Latin-1"))
        .collect()
}

fn answer(answers: &BTreeMap<String, Vec<Choice>>, head: &str) -> Vec<u8> {
    let path = head.split(' ').nth(1).expect("a path");
    let head = head.to_ascii_lowercase();
    let host = head
        .split("\r\nhost: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next())
        .expect("a host");
    let choice = answers
        .get(path)
        .and_then(|choices| choices.iter().find(|choice| head.contains(&choice.needs)));
    match choice {
        Some(choice) => latin1(&choice.answer.replace("HOST", host)),
        None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
    }
}

#[tokio::test]
async fn answers_are_taken_and_refused_as_by_requests() {
    let table: Table = serde_json::from_str(include_str!("answers.json")).expect("a table");
    assert!(table.cases.len() > 130, "{}", table.cases.len());
    let fetcher = Fetcher::new(policy(&["127.0.0.0/8"])).unwrap();
    let mut wrong = Vec::new();
    for case in table.cases {
        let answers = case.answers;
        let server = Server::start(move |stream, head| send(stream, answer(&answers, &head))).await;
        let got = fetcher.get(&server.url("127.0.0.1", "/")).await;
        // An empty file is no image, for whoever downloads it.
        let expected = case.requests.body.filter(|body| !body.is_empty());
        let is_right = match (&got, &expected, case.ours) {
            (Ok(got), Some(expected), None) => *got == latin1(expected),
            (Ok(got), None, Some(Ours::Taken)) => !got.is_empty(),
            (Err(_), None, None) => true,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{}: {got:?} rather than {expected:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

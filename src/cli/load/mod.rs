//! A load generator: clients that ask a server the same questions over and over, and what they saw.

mod answer;
mod client;
mod connection;
mod group;
mod latency;
mod mix;
mod question;
mod report;
mod tally;
mod target;

use std::io::{self, Write as _};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgGroup, Args};

use crate::cli::api_key::ApiKey;
use client::{Client, Manner, Turns};
use group::{Group, Quota};
use mix::{Beside, Mix, Weighted};
use question::Questions;
use report::Report;
use target::Target;

#[derive(Args, Debug)]
#[command(
    group(ArgGroup::new("length").args(["requests", "seconds"]).required(true)),
    after_help = "Exits 0 if every request ended as it was asked to: with an answer of 2xx, with 429 (the server is full), with 504 \
        where --timeout-ms set a limit, or hung up where --hang-up asks for it. Any other status, a connection that fails and, with \
        --expect-same, an answer that differs make it exit 1."
)]
pub(crate) struct Load {
    /// The server, like http://localhost:8000
    #[arg(value_name = "URL")]
    url: String,

    /// An image to send; with several, every client sends them in turn, and where there are as many as clients no two send the same one at a time
    #[arg(long = "image", value_name = "FILE", required = true)]
    images: Vec<PathBuf>,

    /// The tasks to ask as a JSON list, or `@FILE`. With several, each request draws one of them; `3:` in front makes
    /// one three times as frequent
    #[arg(long = "tasks", value_name = "[WEIGHT:]JSON|@FILE", required = true)]
    tasks: Vec<Weighted>,

    /// Clients that are measured; each sends a request as soon as it has the answer to the one before
    #[arg(long, value_name = "N", default_value = "1")]
    clients: NonZeroUsize,

    /// Requests of all measured clients together
    #[arg(long, value_name = "N")]
    requests: Option<NonZeroU64>,

    /// Seconds during which measured clients begin requests; those that have begun are waited for
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    seconds: Option<f64>,

    /// Requests of each measured client that do not count, before all others
    #[arg(long, value_name = "N", default_value_t = 0)]
    warm_up: u64,

    /// Milliseconds that measured requests allow the server, sent as the header `x-timeout-ms`
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<NonZeroU64>,

    /// Share of measured requests, 0 to 1, whose client closes the connection after a random part of the mean time that
    /// the same question took so far
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    hang_up: f64,

    /// Ask each image and tasks once alone first, and compare all later answers' `results` with that answer's, byte by byte
    #[arg(long)]
    expect_same: bool,

    /// N further clients that keep asking these tasks while the measured ones run, reported apart; may be repeated
    #[arg(long, value_name = "N:JSON|N:@FILE")]
    beside: Vec<Beside>,

    /// The server's API key. In the variable it is not seen by other users of this machine
    #[arg(
        long,
        env = "IMAGE_EMBED_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    api_key: Option<ApiKey>,

    /// The key of the clients of --beside, so that they are another caller [default: the same]
    #[arg(
        long,
        env = "IMAGE_EMBED_BESIDE_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    beside_api_key: Option<ApiKey>,

    /// Seconds after which a client gives a request up as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = positive)]
    give_up: f64,

    /// Seed of all that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Load {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        // One thread: the server that is measured has the other cores, or shares this one.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let report = runtime.block_on(self.measure())?;
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        } else {
            write!(out, "{report}")?;
        }
        Ok(if report.failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    async fn measure(&self) -> anyhow::Result<Report> {
        let target = Arc::new(Target::find(&self.url, self.api_key.as_ref()).await?);
        let beside_key = self.beside_api_key.as_ref().or(self.api_key.as_ref());
        let beside_target = Arc::new(Target::find(&self.url, beside_key).await?);
        let mut questions = Questions::read(&self.images, self.expect_same)?;
        let mix = Mix::new(&self.tasks, &mut questions)?;
        let beside = self.beside.iter().map(|beside| {
            let one = [beside.tasks.clone()];
            Ok((beside.clients, Mix::new(&one, &mut questions)?))
        });
        let beside = beside.collect::<anyhow::Result<Vec<_>>>()?;
        let give_up = Duration::from_secs_f64(self.give_up);
        if self.expect_same {
            for question in questions.all() {
                question::ask_alone(&target, question, give_up).await?;
            }
        }

        let mut seeds = fastrand::Rng::with_seed(self.seed);
        let others = beside.iter().map(|(clients, _)| clients.get());
        let stride = self.clients.get() + others.sum::<usize>();
        let mut clients_so_far = 0;
        let mut group = |target: &Arc<Target>, clients: NonZeroUsize, mix: Mix, manner: Manner| {
            let mix = Arc::new(mix);
            let first = clients_so_far;
            clients_so_far += clients.get();
            let client = |first| {
                let (target, mix) = (Arc::clone(target), Arc::clone(&mix));
                let turns = Turns { first, stride };
                Client::new(target, mix, turns, manner.clone(), seeds.fork())
            };
            Group::new((first..clients_so_far).map(client).collect(), &manner)
        };
        let measured = Manner {
            timeout_ms: self.timeout_ms,
            hang_up: self.hang_up,
            give_up,
        };
        let patient = Manner {
            timeout_ms: None,
            hang_up: 0.0,
            give_up,
        };
        let measured = group(&target, self.clients, mix, measured);
        let beside = beside
            .into_iter()
            .map(|(clients, mix)| group(&beside_target, clients, mix, patient.clone()))
            .collect();
        let quota = match self.seconds {
            Some(seconds) => Quota::Time(Duration::from_secs_f64(seconds)),
            None => Quota::Requests(self.requests.map_or(1, NonZeroU64::get)),
        };
        let (measured, beside) = group::run(measured, beside, self.warm_up, quota).await?;
        Ok(Report::new(measured, beside, questions.first_difference()))
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("must be more than 0, and a day at most".to_owned()),
    }
}

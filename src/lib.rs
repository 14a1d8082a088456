//! The application: settings, HTTP, fetching and the command line around the [`engine`].
//!
//! A library so that tests drive the router and the fetcher without a socket or a process.

pub mod cli;
pub mod config;
pub mod fetch;
pub mod held;
pub mod http;
pub mod wire;

mod memory;
mod metrics;
mod open_files;
mod received;
mod root_certificates;
mod telemetry;

//! The store against servers on loopback: plain URLs, the Hub, a weights directory, several processes.

mod catalogue;
mod hub;
mod known_sha256;
mod plain_url;
#[cfg(unix)]
mod processes;
mod server;
mod toy;
mod weights_dir;

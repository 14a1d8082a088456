//! `image-embed caption` as its users start it, against a server that says what a test wants, and in one process.

#[path = "../command/mod.rs"]
mod binary;
mod command;
mod images;
mod server;
mod service;
#[path = "../tiny_blip/mod.rs"]
mod tiny_blip;

mod choice;
mod interruption;
mod mixed;
mod trouble;

//! `image-embed load` as its users start it, against a server that says what a test wants.

#[path = "../command/mod.rs"]
mod binary;
mod endings;
mod measured;
mod run;
mod server;

//! Upstream weights files: which, from where, verified how, read as named arrays.
//!
//! Two halves that meet only in a path on disk:
//!
//! - **Getting.** [`catalog`] lists each model's files; a [`Store`] finds them on this machine, pulls
//!   them from a plain URL or the Hugging Face Hub, and verifies them. Half a file never counts as
//!   a file.
//! - **Reading.** [`Checkpoint::open`] takes safetensors and PyTorch `.pt`/`.pth` files alike, and
//!   hands tensors out by name, strictly. Nothing in a file is ever executed.
//!
//! [`PickledClassifier`] reads classifiers that scikit-learn pickled, under the same rule.
//!
//! Where nothing can be got, [`seed`] writes files of the same form with seeded numbers.

mod adopt;
pub mod catalog;
mod checkpoint;
mod config;
mod digest;
mod download;
mod file_bytes;
mod http;
mod hub;
mod hub_cache;
mod known_sha256;
mod lock;
mod partial_file;
mod pickle;
mod progress;
mod pth;
mod pull;
mod safetensors;
mod scikit_learn;
mod scope;
pub mod seed;
mod store;
mod store_error;
mod stored_tensor;

pub use catalog::{FileEntry, HubFile, ModelFiles, Source};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use config::{StoreConfig, Token};
pub use progress::{Progress, Silent};
pub use scikit_learn::{ClassifierFileError, PickledClassifier};
pub use scope::Scope;
pub use store::{Reference, Store, Verified};
pub use store_error::StoreError;
pub use stored_tensor::Dtype;
pub use ureq::tls::RootCerts;

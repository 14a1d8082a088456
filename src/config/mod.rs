//! Every setting: a flag, and an environment variable `IMAGE_EMBED_*` of the same name. The flag wins.

mod access;
mod classifiers;
mod engine;
mod fetch;
mod log;
mod server;
mod weights;

pub use access::{AccessError, AccessSettings, ListedKeys};
pub use classifiers::ClassifiersSettings;
pub use engine::{
    DeviceChoice, EngineSettings, OrientationChoice, Precision, SettingError, setting_of,
};
pub use fetch::{DEFAULT_MAX_IMAGE_BYTES, FetchSettings};
pub use log::{LogFormat, LogSettings};
pub use server::{Preload, ServerSettings};
pub use weights::WeightsSettings;

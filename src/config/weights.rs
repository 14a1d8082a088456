use std::path::PathBuf;

use ::weights::{Store, StoreConfig, StoreError};
use clap::Args;
use clap::builder::BoolishValueParser;

use crate::root_certificates;

/// Where model weights come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Weights")]
pub struct WeightsSettings {
    /// Keep weights in this folder and look for them nowhere else; laid out as `<owner>/<repository>/<file>`
    #[arg(long, env = "IMAGE_EMBED_WEIGHTS_DIR", value_name = "DIR")]
    pub weights_dir: Option<PathBuf>,

    /// Never download weights; use what is on disk
    #[arg(long, env = "IMAGE_EMBED_OFFLINE", value_parser = BoolishValueParser::new())]
    pub offline: bool,
}

impl WeightsSettings {
    /// The store these settings, and the Hub's own environment variables, describe.
    ///
    /// # Errors
    /// [`StoreError::NoHome`] if nothing says where weights could be kept.
    pub fn store(&self) -> Result<Store, StoreError> {
        let mut config = StoreConfig::from_env()?;
        config.weights_dir.clone_from(&self.weights_dir);
        config.offline |= self.offline;
        if !config.offline {
            config.root_certificates = root_certificates::for_ureq();
        }
        Ok(Store::new(config))
    }
}

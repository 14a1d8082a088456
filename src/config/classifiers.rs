use std::path::PathBuf;

use ::engine::classifiers::ClassifierFolder;
use clap::Args;

/// Where trained classifiers are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Classifiers")]
pub struct ClassifiersSettings {
    /// The folder of classifiers and their `best_models.json`
    #[arg(
        long,
        env = "IMAGE_EMBED_CLASSIFIERS_DIR",
        value_name = "DIR",
        default_value = "trained_classifiers"
    )]
    pub classifiers_dir: PathBuf,
}

impl ClassifiersSettings {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> ClassifierFolder {
        ClassifierFolder::new(&self.classifiers_dir)
    }
}

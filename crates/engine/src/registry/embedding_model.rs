//! What the vectors of this server are made with, for classifiers that were trained on vectors.

use crate::classifiers::EmbeddingModel;
use crate::model::Encoder;
use crate::registry::Registry;

impl Registry {
    /// The encoder's model, with the hash of the weights in memory, or of those that would be read. Looks at the disk unless the
    /// model is in memory, so not for async threads.
    pub(crate) fn embedding_model(&self, encoder: Encoder) -> EmbeddingModel {
        let sha256 = match self.encoder_if_ready(encoder) {
            Some(loaded) => loaded.sha256.clone(),
            None => self.known_sha256(encoder),
        };
        EmbeddingModel {
            sha256,
            ..EmbeddingModel::new(self.files(encoder.model()).name)
        }
    }

    /// The hash of the weights on this machine, where it is known without reading them.
    pub(super) fn known_sha256(&self, encoder: Encoder) -> Option<String> {
        // Encoders have one file.
        let file = self.files(encoder.model()).files.first()?;
        self.store.known_sha256(file)
    }
}

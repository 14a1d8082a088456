//! What is known of a file's content without reading it.

use crate::catalog::{FileEntry, Source};
use crate::hub::is_sha256;
use crate::store::Store;

impl Store {
    /// SHA-256 of the file's content, as far as it is known without reading hundreds of megabytes: the name under which the Hub's
    /// cache keeps the content, or the catalogue's hash of a file that came from a plain URL, which was verified on its way into the
    /// cache. None where the file is not on this machine, or lies in a weights directory, where anybody may have put any file of that
    /// name.
    #[must_use]
    pub fn known_sha256(&self, entry: &FileEntry) -> Option<String> {
        let (path, is_stand_in) = self.find(entry).ok()?;
        if is_stand_in {
            return None;
        }
        let content = path.canonicalize().ok()?;
        let named = content.file_name()?.to_str()?;
        if is_sha256(named) {
            return Some(named.to_owned());
        }
        let is_plain = matches!(entry.source, Source::Url(_));
        let verified = is_plain && self.config.weights_dir.is_none();
        let catalogue = entry.sha256.filter(|it| verified && is_sha256(it));
        catalogue.map(str::to_owned)
    }
}

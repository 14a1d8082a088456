//! The folder: what is in it, and how it changes.

use std::fs::{File, OpenOptions, create_dir_all, read_dir, remove_file};
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::best_models::{BestModel, BestModels};
use super::classifier::Classifier;
use super::error::ClassifierError;
use super::regular_file::require_regular;
use super::replace::{INCOMPLETE, replace};
use super::version::{Version, VersionName};

/// Versions of a collection that are kept; the others go.
pub const KEPT_VERSIONS: usize = 10;

/// A folder of classifiers. It need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifierFolder(PathBuf);

impl ClassifierFolder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the classifier of this name is, or would be.
    #[must_use]
    pub fn path_of(&self, name: VersionName) -> PathBuf {
        self.0.join(name.file_name())
    }

    /// Which versions are in force.
    ///
    /// # Errors
    /// [`ClassifierError`] as for [`BestModels::read`].
    pub fn best_models(&self) -> Result<BestModels, ClassifierError> {
        BestModels::read(&self.0)
    }

    /// Every version of every collection, oldest first.
    ///
    /// # Errors
    /// [`ClassifierError::Io`] when the folder cannot be read; one that is not there is empty.
    pub fn versions(&self) -> Result<Vec<VersionName>, ClassifierError> {
        let mut versions: Vec<VersionName> = self
            .file_names()?
            .iter()
            .filter_map(|name| VersionName::parse(name.strip_suffix(".safetensors")?))
            .filter(|name| name.version.is_some())
            .collect();
        versions.sort();
        Ok(versions)
    }

    fn file_names(&self) -> Result<Vec<String>, ClassifierError> {
        let entries = match read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ClassifierError::io("list", &self.0)(error)),
        };
        let names: Result<Vec<_>, _> = entries
            .map(|entry| entry.map(|it| it.file_name()))
            .collect();
        let names = names.map_err(ClassifierError::io("list", &self.0))?;
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    }

    /// Makes the folder if need be, and waits until no other process writes to it.
    ///
    /// # Errors
    /// [`ClassifierError::Io`] when that fails.
    pub fn lock(&self) -> Result<WritableFolder, ClassifierError> {
        create_dir_all(&self.0).map_err(ClassifierError::io("create", &self.0))?;
        let path = self.0.join(".lock");
        // A named pipe would keep who opens it for ever.
        if let Ok(metadata) = std::fs::metadata(&path) {
            require_regular(&path, &metadata)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ClassifierError::io("open", &path))?;
        lock.lock().map_err(ClassifierError::io("lock", &path))?;
        let folder = WritableFolder {
            folder: self.clone(),
            _lock: lock,
        };
        folder.sweep()?;
        Ok(folder)
    }
}

/// A folder of classifiers that nobody else writes to.
#[derive(Debug)]
pub struct WritableFolder {
    folder: ClassifierFolder,
    /// Held until dropped. The file stays: to remove it would let a third process lock a new one.
    _lock: File,
}

impl WritableFolder {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &ClassifierFolder {
        &self.folder
    }

    /// Removes what killed processes left half written.
    fn sweep(&self) -> Result<(), ClassifierError> {
        for name in self.folder.file_names()? {
            if name.starts_with(INCOMPLETE) {
                let path = self.folder.0.join(name);
                remove_file(&path).map_err(ClassifierError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// A name for a version trained now, which no other has.
    ///
    /// # Errors
    /// [`ClassifierError::Io`] when the folder cannot be read.
    pub fn new_version(&self, collection: u64) -> Result<VersionName, ClassifierError> {
        let taken = self.folder.versions()?;
        let mut time = OffsetDateTime::now_utc();
        loop {
            let version = Some(Version::at(time));
            let name = VersionName {
                collection,
                version,
            };
            if !taken.contains(&name) {
                return Ok(name);
            }
            time += Duration::SECOND;
        }
    }

    /// Stores a classifier under its name. It is not in force yet.
    ///
    /// # Errors
    /// [`ClassifierError::Io`] when it cannot be written.
    pub fn save(&self, name: VersionName, classifier: &Classifier) -> Result<(), ClassifierError> {
        replace(&self.folder.path_of(name), &classifier.to_bytes())
    }

    /// Puts a stored version in force: copies it to the collection's fixed name, and says so in `best_models.json`.
    ///
    /// # Errors
    /// [`ClassifierError`] when a file cannot be written, or `best_models.json` is not understood.
    pub fn put_in_force(
        &self,
        name: VersionName,
        classifier: &Classifier,
        best: BestModel,
    ) -> Result<(), ClassifierError> {
        let mut all = self.folder.best_models()?;
        let copy = VersionName {
            version: None,
            ..name
        };
        self.save(copy, classifier)?;
        all.0.insert(name.collection, best);
        all.write(&self.folder.0)
    }

    /// Removes a version, unless it is in force.
    ///
    /// # Errors
    /// [`ClassifierError`] when it cannot be removed, or `best_models.json` is not understood.
    pub fn remove(&self, name: VersionName) -> Result<bool, ClassifierError> {
        let best = self.folder.best_models()?;
        let in_force = best.0.get(&name.collection);
        if in_force.is_some_and(|best| best.model_file == name.file_name()) {
            return Ok(false);
        }
        let path = self.folder.path_of(name);
        remove_file(&path).map_err(ClassifierError::io("remove", &path))?;
        Ok(true)
    }
}

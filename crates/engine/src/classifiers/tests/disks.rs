//! A disk that does what a test wants.

use std::collections::{HashMap, HashSet};
use std::io::Error;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use crate::classifiers::disk::{Disk, FileSystem, Signature};
use crate::classifiers::error::ClassifierError;

/// The disk that there is, but for files that fail or hang.
#[derive(Debug, Default)]
pub(super) struct MoodyDisk {
    moods: Mutex<Moods>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct Moods {
    /// With which code of the operating system reading a file fails.
    failing: HashMap<String, i32>,
    /// Reading these hangs.
    hanging: HashSet<String>,
    reads: HashMap<String, usize>,
    stuck: usize,
    most_stuck: usize,
}

impl MoodyDisk {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn fail(&self, file: &str, code: i32) {
        let mut moods = self.moods.lock().unwrap();
        moods.failing.insert(file.to_owned(), code);
    }

    pub(super) fn mend(&self) {
        let mut moods = self.moods.lock().unwrap();
        moods.failing.clear();
        moods.hanging.clear();
        self.released.notify_all();
    }

    pub(super) fn hang(&self, file: &str) {
        let mut moods = self.moods.lock().unwrap();
        moods.hanging.insert(file.to_owned());
    }

    /// How often a file was read.
    pub(super) fn reads(&self, file: &str) -> usize {
        let moods = self.moods.lock().unwrap();
        moods.reads.get(file).copied().unwrap_or_default()
    }

    /// Reads that hung at the same time, at most.
    pub(super) fn most_stuck(&self) -> usize {
        self.moods.lock().unwrap().most_stuck
    }
}

impl Disk for Arc<MoodyDisk> {
    fn signature(&self, path: &Path) -> Result<Signature, Error> {
        FileSystem.signature(path)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ClassifierError> {
        let file = path.file_name().unwrap().to_str().unwrap();
        let mut moods = self.moods.lock().unwrap();
        *moods.reads.entry(file.to_owned()).or_default() += 1;
        moods.stuck += 1;
        moods.most_stuck = moods.most_stuck.max(moods.stuck);
        moods = self
            .released
            .wait_while(moods, |moods| moods.hanging.contains(file))
            .unwrap();
        moods.stuck -= 1;
        match moods.failing.get(file) {
            Some(&code) => Err(ClassifierError::io("open", path)(Error::from_raw_os_error(
                code,
            ))),
            None => FileSystem.read(path),
        }
    }
}

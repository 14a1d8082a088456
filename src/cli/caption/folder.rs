use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use walkdir::{DirEntry, WalkDir};

const EXTENSIONS: &[&str] = &[
    "jpg",
    "jpeg",
    "png",
    "gif",
    "bmp",
    "tif",
    "tiff",
    "webp",
    "avif",
    "jp2",
    "j2k",
    "jxl",
    #[cfg(feature = "heic")]
    "heic",
    #[cfg(feature = "heic")]
    "heif",
];

/// Where images are looked for.
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
    pub(super) recursive: bool,
    /// Whether captions that are there are made again.
    pub(super) force: bool,
}

/// An image to be captioned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) path: PathBuf,
    /// Where its caption goes.
    pub(super) caption: PathBuf,
}

/// What there is in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// To be captioned, by name.
    pub(super) images: Vec<Image>,
    /// How many have captions, which are kept.
    pub(super) kept: usize,
    /// What cannot be captioned or looked at, and why.
    pub(super) failures: Vec<(PathBuf, String)>,
}

impl Folder<'_> {
    pub(super) fn images(&self) -> anyhow::Result<Found> {
        let at = || format!("cannot read {}", self.path.display());
        let metadata = fs::metadata(self.path).with_context(at)?;
        ensure!(metadata.is_dir(), "{} is not a folder", self.path.display());
        let mut found = Found::default();
        let images = self.walk(&mut found).with_context(at)?;
        let mut by_caption: HashMap<PathBuf, Vec<&PathBuf>> = HashMap::new();
        for path in &images {
            let sharing = by_caption.entry(path.with_extension("txt")).or_default();
            sharing.push(path);
        }
        for path in &images {
            let caption = path.with_extension("txt");
            match self.is_captioned(&caption) {
                Ok(true) => found.kept += 1,
                Ok(false) => {
                    let other = by_caption[&caption].iter().find(|&&other| other != path);
                    if let Some(other) = other {
                        // A caption fits one of them, and nothing says which.
                        let reason = format!(
                            "would share {} with {}; rename one of them",
                            name(&caption),
                            name(other)
                        );
                        found.failures.push((path.clone(), reason));
                    } else {
                        let path = path.clone();
                        found.images.push(Image { path, caption });
                    }
                }
                Err(reason) => found.failures.push((path.clone(), reason)),
            }
        }
        Ok(found)
    }

    /// Every image, by name. Links to folders are not followed: there lies the way out of the folder, and round in circles.
    fn walk(&self, found: &mut Found) -> io::Result<Vec<PathBuf>> {
        let depth = if self.recursive { usize::MAX } else { 1 };
        let entries = WalkDir::new(self.path).max_depth(depth).sort_by_file_name();
        let mut images = Vec::new();
        for entry in entries.into_iter().filter_entry(is_visible) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.depth() == 0 => return Err(error.into()),
                Err(error) => {
                    let path = error.path().unwrap_or(self.path).to_owned();
                    let reason = io::Error::from(error).to_string();
                    found.failures.push((path, reason));
                    continue;
                }
            };
            if !is_image(entry.path()) || entry.file_type().is_dir() {
                continue;
            }
            // A link to an image is as good as the image. Pipes and the like only look like one.
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => images.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => {
                    let reason = format!("cannot read it: {error}");
                    found.failures.push((entry.into_path(), reason));
                }
            }
        }
        Ok(images)
    }

    fn is_captioned(&self, caption: &Path) -> Result<bool, String> {
        match fs::metadata(caption) {
            Ok(metadata) if metadata.is_dir() => Err(format!("{} is a folder", name(caption))),
            _ if self.force => Ok(false),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if fs::symlink_metadata(caption).is_ok() {
                    return Err(format!("{} is a link to nothing", name(caption)));
                }
                Ok(false)
            }
            Err(error) => Err(format!("cannot look at {}: {error}", name(caption))),
        }
    }
}

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Hidden files are often no images whatever they are called, such as the `._a.jpg` that macOS leaves on other systems'
/// disks. The folder itself may be hidden.
fn is_visible(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    })
}

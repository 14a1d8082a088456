//! Folders of tiny images.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

/// Every extension that is looked for, some of them as cameras and Windows write them.
pub(crate) const EXTENSIONS: [&str; 12] = [
    "jpg", "JPG", "jpeg", "png", "PNG", "gif", "bmp", "BMP", "tif", "TIFF", "webp", "WebP",
];

/// A folder that goes with its test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder of `count` PNGs.
    pub(crate) fn of_images(count: u8) -> Self {
        let folder = Self::new();
        for index in 0..count {
            folder.add(format!("{index:03}.png"), image("png", index));
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders on the way.
    pub(crate) fn add(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn has(&self, name: impl AsRef<Path>) -> bool {
        self.path().join(name).exists()
    }

    /// Every file in it and below, by its path in the folder.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let name = path.strip_prefix(self.path()).unwrap().to_owned();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// The text files in it and below.
    pub(crate) fn captions(&self) -> BTreeMap<PathBuf, String> {
        let mut files = self.files();
        files.retain(|path, _| path.extension().is_some_and(|it| it == "txt"));
        let texts = files.into_iter();
        texts
            .map(|(path, text)| (path, String::from_utf8(text).unwrap()))
            .collect()
    }
}

/// A valid image in the format of this extension; where the test makes it itself, one like no other `seed`'s.
pub(crate) fn image(extension: &str, seed: u8) -> Vec<u8> {
    let data = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/imaging/tests/data");
        fs::read(folder.join(name)).unwrap()
    };
    let made = |format| {
        let colour = Rgb([seed, 255 - seed, 100]);
        let mut bytes = Vec::new();
        RgbImage::from_pixel(8 + u32::from(seed), 8, colour)
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    };
    match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => made(ImageFormat::Jpeg),
        "png" => made(ImageFormat::Png),
        "gif" => data("gif/small-frame.gif"),
        "bmp" => data("bmp/bilevel.bmp"),
        "tif" | "tiff" => data("tiff/grey-1-le.tif"),
        "webp" => data("webp/lossy-2x3.webp"),
        other => panic!("no image in the format {other}"),
    }
}

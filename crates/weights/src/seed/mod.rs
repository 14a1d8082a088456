//! Full-size checkpoints of seeded numbers, in upstream's own names, shapes and format, with the settings and vocabularies that
//! belong to them.
//!
//! They make every operation run, at its true speed, where nothing can be downloaded. Their answers
//! mean nothing, and the file's metadata says so ([`crate::Checkpoint::untrained`]). Upstream's own
//! initialisation would not do: its `LayerScale` starts at 1e-5, its norms at 1 and 0, so that a
//! network which forgets them answers the same. Here every tensor moves the output, activations stay
//! bounded through all layers, and different images give different vectors.

mod blip;
mod clip;
mod content;
mod dinov2;
mod faster_rcnn;
mod mtcnn;
mod rule;
mod tensors;
mod vocabulary;

use std::path::{Path, PathBuf};

use crate::catalog::FileEntry;
use crate::checkpoint::{Checkpoint, UNTRAINED};
use crate::digest;
use crate::lock::FileLock;
use crate::partial_file::PartialFile;
use crate::progress::Progress;
use crate::store::stand_in;
use crate::store_error::StoreError;
use content::Content;
use tensors::Tensors;

/// A seeded checkpoint on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeded {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its content, hexadecimal. One seed gives one content on every machine.
    pub sha256: String,
    /// False when it was there already, byte for byte.
    pub written: bool,
}

/// Writes the seeded checkpoint of `file` into the weights directory `dir`: under the file's own
/// path, or for a `.pt` beside it as the `.safetensors` that may stand for it. The name appears when
/// the file is whole and on disk.
///
/// # Errors
/// [`StoreError::NotUntrained`] when something else lies there, or a real file before which the
/// seeded one would not be used; [`StoreError::NoSeed`] when the file has no seeded form;
/// [`StoreError::Io`] when the file system fails.
pub fn write(
    dir: &Path,
    file: &FileEntry,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Seeded, StoreError> {
    let content = match (tensors_of(file.path), text_of(file.path)) {
        (Some(tensors), _) => Content::new(tensors, seed),
        (None, Some(text)) => Content::of_text(text),
        (None, None) => {
            return Err(StoreError::NoSeed {
                model: file.model,
                file: file.path,
            });
        }
    };
    let upstream = dir.join(file.path);
    let path = stand_in(&upstream).unwrap_or_else(|| upstream.clone());
    let _lock = FileLock::acquire(&FileLock::path(dir, file.path))?;
    if is_there(&content, &[&upstream, &path])? {
        let (_, sha256) = digest::of_file(&path)?;
        return Ok(Seeded {
            path,
            sha256,
            written: false,
        });
    }
    let mut partial = PartialFile::open(&path, false)?;
    progress.started(Some(content.length()));
    content.chunks(|bytes| {
        partial.append(bytes)?;
        progress.advanced(bytes.len() as u64);
        Ok(())
    })?;
    let sha256 = partial.sha256();
    partial.persist()?;
    progress.finished();
    Ok(Seeded {
        path,
        sha256,
        written: true,
    })
}

/// Whether one of `paths` has this content already; whatever else is there must be seeded too.
fn is_there(content: &Content, paths: &[&Path]) -> Result<bool, StoreError> {
    for path in paths.iter().filter(|path| path.exists()) {
        let is_same = if content.is_text() {
            let text = std::fs::read(path).map_err(StoreError::io("read", path))?;
            is_marked(&text).then(|| content.is(&text))
        } else {
            let seeded = Checkpoint::open(path).ok().filter(Checkpoint::untrained);
            seeded.map(|seeded| content.is(seeded.bytes()))
        };
        match is_same {
            Some(true) => return Ok(true),
            Some(false) => {}
            None => {
                return Err(StoreError::NotUntrained {
                    path: path.to_path_buf(),
                });
            }
        }
    }
    Ok(false)
}

/// Whether a text says of itself that it was made up: every seeded one does.
fn is_marked(text: &[u8]) -> bool {
    let mark = UNTRAINED.as_bytes();
    text.windows(mark.len()).any(|part| part == mark)
}

/// What upstream's file at this path of a weights directory holds.
fn tensors_of(path: &str) -> Option<Tensors> {
    Some(match path {
        "facenet-pytorch/pnet.pt" => mtcnn::pnet(),
        "facenet-pytorch/rnet.pt" => mtcnn::rnet(),
        "facenet-pytorch/onet.pt" => mtcnn::onet(),
        "timm/vit_base_patch32_clip_224.openai/open_clip_model.safetensors" => {
            clip::VIT_B_32.tensors()
        }
        "timm/vit_base_patch16_clip_224.openai/open_clip_model.safetensors" => {
            clip::VIT_B_16.tensors()
        }
        "timm/vit_large_patch14_clip_224.openai/open_clip_model.safetensors" => {
            clip::VIT_L_14.tensors()
        }
        "timm/vit_large_patch14_clip_336.openai/open_clip_model.safetensors" => {
            clip::VIT_L_14_336.tensors()
        }
        "timm/vit_base_patch14_dinov2.lvd142m/model.safetensors" => dinov2::vit_b_14(),
        "torchvision/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth" => faster_rcnn::resnet50_fpn(),
        "Salesforce/blip-image-captioning-large/model.safetensors" => blip::LARGE.tensors(),
        "Salesforce/blip-image-captioning-base/pytorch_model.bin" => blip::BASE.tensors(),
        _ => return None,
    })
}

/// What upstream's file at this path says, if it is a text.
fn text_of(path: &str) -> Option<String> {
    let (repository, file) = path.rsplit_once('/')?;
    let blip = match repository {
        "Salesforce/blip-image-captioning-large" => blip::LARGE,
        "Salesforce/blip-image-captioning-base" => blip::BASE,
        _ => return None,
    };
    match file {
        "config.json" => Some(blip.config()),
        "tokenizer.json" => Some(vocabulary::tokenizer(blip::VOCABULARY)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

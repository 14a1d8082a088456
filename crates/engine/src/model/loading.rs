//! From upstream's files to a model in memory, a function a kind of network.

use std::path::PathBuf;

use models::blip::Blip;
use models::clip::{self, Clip};
use models::dinov2::DinoV2;
use models::faster_rcnn::FasterRcnn;
use models::mtcnn::Mtcnn;
use models::{LoadError, Placement};
use weights::Checkpoint;

use crate::network::{Loaded, Network};

pub(super) fn mtcnn(paths: &[PathBuf], placement: &Placement) -> Result<Loaded, LoadError> {
    let [pnet, rnet, onet] = exactly(paths);
    let model = Mtcnn::load(pnet, rnet, onet, placement)?;
    let mut untrained = false;
    for path in [pnet, rnet, onet] {
        untrained |= Checkpoint::open(path)?.untrained();
    }
    Ok(Loaded::new(Network::Detector(Box::new(model)), untrained))
}

pub(super) fn faster_rcnn(paths: &[PathBuf], placement: &Placement) -> Result<Loaded, LoadError> {
    let [path] = exactly(paths);
    let file = Checkpoint::open(path)?;
    let model = FasterRcnn::load(&file, placement)?;
    Ok(loaded(Network::Detector(Box::new(model)), &file))
}

pub(super) fn clip(
    paths: &[PathBuf],
    variant: clip::Variant,
    placement: &Placement,
) -> Result<Loaded, LoadError> {
    let [path] = exactly(paths);
    let file = Checkpoint::open(path)?;
    let model = Clip::load(&file, variant, placement)?;
    Ok(loaded(Network::Encoder(Box::new(model)), &file))
}

pub(super) fn dinov2(paths: &[PathBuf], placement: &Placement) -> Result<Loaded, LoadError> {
    let [path] = exactly(paths);
    let file = Checkpoint::open(path)?;
    let model = DinoV2::load(&file, placement)?;
    Ok(loaded(Network::Encoder(Box::new(model)), &file))
}

pub(super) fn blip(paths: &[PathBuf], placement: &Placement) -> Result<Loaded, LoadError> {
    let [config, tokenizer, weights] = exactly(paths);
    let file = Checkpoint::open(weights)?;
    let model = Blip::load(config, tokenizer, &file, placement)?;
    Ok(loaded(Network::Captioner(Box::new(model)), &file))
}

fn loaded(network: Network, file: &Checkpoint) -> Loaded {
    Loaded::new(network, file.untrained())
}

/// The files that a loader knows what to do with; the catalogue lists as many of them.
fn exactly<const N: usize>(paths: &[PathBuf]) -> [&PathBuf; N] {
    let all = paths.iter().collect::<Vec<_>>().try_into();
    all.unwrap_or_else(|all: Vec<_>| panic!("{} files for a model of {N}", all.len()))
}

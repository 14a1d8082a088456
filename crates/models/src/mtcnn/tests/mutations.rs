//! Every weight of the three networks is held by their goldens.

use weights::Checkpoint;

use crate::goldens::largest;
use crate::goldens::mutations::Network;
use crate::mtcnn::goldens::{f32_placement, formula_input, formula_weight, owned};
use crate::mtcnn::{ONet, PNet, RNet, onet, pnet, rnet};
use crate::tensor::Tensor;

type Table = &'static [(&'static str, &'static [usize])];
type Forward = fn(&Checkpoint, &Tensor) -> anyhow::Result<Tensor>;
/// A golden's name, and its batch, height and width.
type Input = (&'static str, (usize, usize, usize));

/// The sizes for which there are goldens.
const NETWORKS: [(&str, Table, Input, Forward); 3] = [
    (
        "pnet",
        pnet::tests::TENSORS,
        ("pnet.31x23", (1, 31, 23)),
        |file, x| Ok(PNet::load(&file.root(), &f32_placement())?.forward(x)),
    ),
    (
        "rnet",
        rnet::tests::TENSORS,
        ("rnet.24x24", (3, 24, 24)),
        |file, x| Ok(RNet::load(&file.root(), &f32_placement())?.forward(x)),
    ),
    (
        "onet",
        onet::tests::TENSORS,
        ("onet.48x48", (2, 48, 48)),
        |file, x| Ok(ONet::load(&file.root(), &f32_placement())?.forward(x)),
    ),
];

/// Twice what the comparisons with upstream allow.
fn within_tolerance(got: &[f32], plain: &[f32]) -> bool {
    let moved = got.iter().zip(plain).map(|(a, b)| (a - b).abs());
    moved.fold(0.0, f32::max) <= 2e-5 * largest(plain)
}

fn with_network(check: impl Fn(&Network<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for (name, table, (case, shape), forward) in NETWORKS {
        let input = formula_input(case, shape);
        check(&Network {
            name,
            tensors: owned(table),
            weights: &|tensor, shape| formula_weight(name, tensor, shape, 1.0),
            answers: &|file| Ok(forward(file, &input)?.into_vec()),
            within_tolerance: &within_tolerance,
        })?;
    }
    Ok(())
}

#[test]
fn every_changed_tensor_changes_the_answers() -> anyhow::Result<()> {
    with_network(|network| network.assert_moved_by_every_tensor())
}

#[test]
fn a_file_without_one_of_its_tensors_is_refused_by_name() -> anyhow::Result<()> {
    with_network(|network| {
        network.assert_refused_without_any_tensor();
        Ok(())
    })
}

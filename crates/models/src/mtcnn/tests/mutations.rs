//! Proof that the goldens hold every weight: without one tensor, or with it zeroed or its elements moved by one place, a
//! network does not load, or gives answers that the comparisons with upstream refuse.

use candle_core::{Device, Tensor};
use weights::Checkpoint;

use crate::LoadError;
use crate::mtcnn::goldens::{formula_checkpoint, formula_input};
use crate::mtcnn::{ONet, PNet, RNet, onet, pnet, rnet};

type Table = &'static [(&'static str, &'static [usize])];
type Mutation = fn(&mut [f32]);
type Forward = fn(&Checkpoint, &Tensor) -> anyhow::Result<Tensor>;

struct Network {
    name: &'static str,
    tensors: Table,
    input: (&'static str, (usize, usize, usize)),
    forward: Forward,
}

/// The sizes for which there are goldens.
const NETWORKS: [Network; 3] = [
    Network {
        name: "pnet",
        tensors: pnet::tests::TENSORS,
        input: ("pnet.31x23", (1, 31, 23)),
        forward: |file, x| Ok(PNet::load(&file.root(), &Device::Cpu)?.forward(x)?),
    },
    Network {
        name: "rnet",
        tensors: rnet::tests::TENSORS,
        input: ("rnet.24x24", (3, 24, 24)),
        forward: |file, x| Ok(RNet::load(&file.root(), &Device::Cpu)?.forward(x)?),
    },
    Network {
        name: "onet",
        tensors: onet::tests::TENSORS,
        input: ("onet.48x48", (2, 48, 48)),
        forward: |file, x| Ok(ONet::load(&file.root(), &Device::Cpu)?.forward(x)?),
    },
];

impl Network {
    fn answers(&self, file: &Checkpoint) -> anyhow::Result<Vec<f32>> {
        let (case, shape) = self.input;
        Ok((self.forward)(file, &formula_input(case, shape)?)?
            .flatten_all()?
            .to_vec1()?)
    }

    /// A file of formula weights in which `mutate` has changed the tensor `changed`.
    fn mutated(&self, changed: &str, mutate: Mutation) -> anyhow::Result<Checkpoint> {
        let plain = formula_checkpoint(self.name, self.tensors);
        let mut header = serde_json::Map::new();
        let mut data: Vec<u8> = Vec::new();
        for &(name, shape) in self.tensors {
            let mut values = plain.root().f32(name, shape)?;
            if name == changed {
                mutate(&mut values);
            }
            let start = data.len();
            data.extend(values.into_iter().flat_map(f32::to_le_bytes));
            let offsets = [start, data.len()];
            let entry =
                serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": offsets});
            header.insert(name.to_owned(), entry);
        }
        let header = serde_json::to_vec(&header)?;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        file.extend(data);
        Ok(Checkpoint::from_bytes(self.name, file)?)
    }
}

#[test]
fn every_changed_tensor_changes_the_answers() -> anyhow::Result<()> {
    let mutations: [(&str, Mutation); 2] = [
        ("zeroed", |values| values.fill(0.0)),
        ("rotated", |values| values.rotate_right(1)),
    ];
    for network in &NETWORKS {
        let plain = network.answers(&formula_checkpoint(network.name, network.tensors))?;
        // Twice what the comparisons with upstream allow.
        let tolerance = 2e-5
            * plain
                .iter()
                .fold(0.0_f32, |largest, v| largest.max(v.abs()));
        for (tensor, _) in network.tensors {
            for (mutation, mutate) in mutations {
                let answers = network.answers(&network.mutated(tensor, mutate)?)?;
                let moved = plain.iter().zip(&answers).map(|(a, b)| (a - b).abs());
                let moved = moved.fold(0.0, f32::max);
                let name = network.name;
                assert!(
                    moved > tolerance,
                    "{name}.{tensor} {mutation} moves only {moved}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_file_without_one_of_its_tensors_is_refused_by_name() {
    for network in &NETWORKS {
        for (i, &(missing, _)) in network.tensors.iter().enumerate() {
            let mut rest = network.tensors.to_vec();
            rest.remove(i);
            let error = network
                .answers(&formula_checkpoint(network.name, &rest))
                .unwrap_err();
            assert!(
                matches!(error.downcast_ref(), Some(LoadError::Checkpoint(_))),
                "{error}"
            );
            assert!(
                error.to_string().contains(&format!("'{missing}'")),
                "{missing}: {error}"
            );
        }
    }
}

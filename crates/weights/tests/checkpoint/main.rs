//! Reading checkpoints: files of PyTorch against what PyTorch reads in them, strictness, hostile files.

mod hostile_containers;
mod hostile_pickles;
mod random;
mod reference;
mod strict;
mod torch_file;

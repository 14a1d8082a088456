//! PyTorch's `.pt`/`.pth` files: state dicts, and nothing but state dicts.
//!
//! `torch.save` writes a pickle, which [`crate::pickle`] reads without executing anything, with only
//! the names in [`globals`]; whatever else a file asks for is refused by name.
//!
//! There are two containers around the pickle: since PyTorch 1.6 a zip ([`zip`]), before that a plain
//! stream ([`legacy`]). Format: `torch/serialization.py`.

mod dialect;
mod globals;
mod legacy;
mod state_dict;
mod zip;
mod zip_directory;

use crate::checkpoint::Contents;

/// Whether a file starts as `torch.save` starts its files.
pub(crate) fn looks_like_torch(file: &[u8]) -> bool {
    zip::looks_like_zip(file) || legacy::looks_like_legacy(file)
}

/// Lists the tensors of a whole `.pt`/`.pth` file.
pub(crate) fn read(file: &[u8]) -> Result<Contents, String> {
    if zip::looks_like_zip(file) {
        zip::read(file)
    } else {
        legacy::read(file)
    }
}

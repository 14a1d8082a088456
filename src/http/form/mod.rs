//! HTML forms as a stream, taken as Starlette with python-multipart takes them.
//!
//! No crate reads the forms that those read: names in Latin-1, `filename*` before `filename`, boundaries that break the grammar. [`Multipart`] is
//! fed with chunks as they arrive and holds no more than one part's headers; what a part is worth is its [`Parts`]' affair.

mod error;
mod multipart;
mod options;
mod part;

pub use error::FormError;
pub use multipart::{Multipart, Parts};
pub use options::ContentType;
pub use part::{Charset, PartHead};

/// The longest boundary, in bytes; RFC 2046 allows 70.
pub const MAX_BOUNDARY_BYTES: usize = 256;
/// The most bytes of headers that a part may have: eight of the longest that python-multipart takes.
pub const MAX_HEADER_BYTES: usize = 8 * (4096 + 128);
/// The most parts of a form: Starlette takes a thousand files and a thousand other fields.
pub const MAX_PARTS: usize = 2000;

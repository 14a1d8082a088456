use thiserror::Error;

use super::{MAX_BOUNDARY_BYTES, MAX_HEADER_BYTES, MAX_PARTS};

/// Why a body is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormError {
    /// The content type is another one.
    #[error("the content type is not multipart/form-data")]
    NotAForm,
    /// Fields could be told, but a file cannot be sent so.
    #[error(
        "application/x-www-form-urlencoded cannot carry a file; send the form as multipart/form-data"
    )]
    UrlEncoded,
    /// The content type has no boundary.
    #[error("the content type multipart/form-data names no boundary")]
    NoBoundary,
    /// The boundary is longer than [`MAX_BOUNDARY_BYTES`].
    #[error("the boundary has {0} bytes, and may have {MAX_BOUNDARY_BYTES}")]
    LongBoundary(usize),
    /// The body does not begin with the boundary that its content type names.
    #[error("the body does not begin with the boundary that the content type names")]
    NoFirstBoundary,
    /// A boundary is followed by something else than the end of its line.
    #[error("a boundary is followed by something else than the end of its line")]
    UnfinishedBoundary,
    /// A part's headers break the grammar.
    #[error("the headers of part {0} are malformed")]
    MalformedHeaders(usize),
    /// A part's headers are longer than [`MAX_HEADER_BYTES`].
    #[error("the headers of part {0} have more than {MAX_HEADER_BYTES} bytes")]
    LongHeaders(usize),
    /// A part has no `Content-Disposition` with a `name`.
    #[error("part {0} has no name in its Content-Disposition")]
    Unnamed(usize),
    /// More parts than [`MAX_PARTS`].
    #[error("the form has more than {MAX_PARTS} parts")]
    TooManyParts,
}

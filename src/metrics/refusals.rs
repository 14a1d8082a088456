/// Why a request is refused, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its image is to blame.
    Image(&'static str),
    /// Something else is; one of [`OF_REQUESTS`].
    Request(&'static str),
}

/// What images are refused for.
pub(super) const OF_IMAGES: [&str; 7] = [
    "bytes",
    "corrupt",
    "not_an_image",
    "not_decoded",
    "pixels",
    "truncated",
    "unsupported",
];

/// What requests are refused for.
pub(super) const OF_REQUESTS: [&str; 17] = [
    "connections",
    "download",
    "full",
    "internal",
    "malformed",
    "memory",
    "method",
    "not_found",
    "other_host",
    "other_site",
    "overloaded",
    "rate",
    "share",
    "stalled",
    "timeout",
    "too_large",
    "unauthorized",
];

//! What the machine's stack holds.

/// A value of a pickle, with the names `G` and the objects `O` of its [`Dialect`](super::Dialect). Small and `Copy`: text and
/// bytes borrow from the file, containers live in the machine and are named by index, so that a value that contains itself
/// is harmless.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a, G, O> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, little-endian.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Global(G),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Object(O),
}

impl<G, O: Kind> Value<'_, G, O> {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Long(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Global(_) => "a name",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Object(object) => object.kind(),
        }
    }
}

/// What an object is, for messages.
pub(crate) trait Kind {
    fn kind(&self) -> &'static str;
}

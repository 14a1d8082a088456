//! What the elements of an array are.

/// A `numpy.dtype`, of those that an estimator's attributes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    /// Signed, of this many bytes.
    Int(usize),
    /// Unsigned, of this many bytes.
    Uint(usize),
    F32,
    F64,
    /// Python objects, such as names of features.
    Object,
}

impl Element {
    /// By the code that `numpy.dtype` is called with.
    pub(super) fn find(code: &str) -> Option<Self> {
        Some(match code {
            "b1" => Self::Bool,
            "i1" => Self::Int(1),
            "i2" => Self::Int(2),
            "i4" => Self::Int(4),
            "i8" => Self::Int(8),
            "u1" => Self::Uint(1),
            "u2" => Self::Uint(2),
            "u4" => Self::Uint(4),
            "u8" => Self::Uint(8),
            "f4" => Self::F32,
            "f8" => Self::F64,
            "O8" | "O" => Self::Object,
            _ => return None,
        })
    }

    /// Bytes of an element; none for objects, which are no bytes.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            Self::Bool => Some(1),
            Self::Int(size) | Self::Uint(size) => Some(size),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Object => None,
        }
    }

    /// The element that these bytes are, as a float. None for objects, and for whole numbers that a float has no room for: no
    /// attribute that is read has such.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<f64> {
        if Some(bytes.len()) != self.size() {
            return None;
        }
        let mut low = [0; 8];
        low[..bytes.len()].copy_from_slice(bytes);
        let whole = u64::from_le_bytes(low);
        let unused = 64 - 8 * bytes.len();
        match self {
            Self::Bool => (whole <= 1).then_some(whole as f64),
            Self::Int(_) => exact((whole << unused).cast_signed() >> unused),
            Self::Uint(_) => exact(i64::try_from(whole).ok()?),
            Self::F32 => bytes
                .try_into()
                .ok()
                .map(|it| f32::from_le_bytes(it).into()),
            Self::F64 => Some(f64::from_bits(whole)),
            Self::Object => None,
        }
    }
}

fn exact(whole: i64) -> Option<f64> {
    (whole.unsigned_abs() <= 1 << 53).then_some(whole as f64)
}

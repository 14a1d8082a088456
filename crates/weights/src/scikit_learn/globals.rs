//! The names a classifier's pickle may mention.

/// A name of the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `sklearn.linear_model.LogisticRegression`, by the modules it has lived in.
    LogisticRegression,
    /// `numpy.ndarray`
    NdArray,
    /// `numpy.dtype`
    Dtype,
    /// `numpy.core.multiarray._reconstruct`: an array that gets its state afterwards.
    Reconstruct,
    /// `numpy.core.numeric._frombuffer`: an array over bytes, protocol 5.
    FromBuffer,
    /// `numpy.core.multiarray.scalar`
    Scalar,
    /// `_codecs.encode`: how protocol 2 writes bytes, which it has no instruction for.
    Encode,
    /// `joblib.numpy_pickle.NumpyArrayWrapper`: an array whose numbers follow in the file.
    ArrayWrapper,
}

impl Global {
    /// The meaning of `module.name`, if it is on the list.
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            (
                "sklearn.linear_model._logistic" | "sklearn.linear_model.logistic",
                "LogisticRegression",
            ) => Self::LogisticRegression,
            ("numpy", "ndarray") => Self::NdArray,
            ("numpy", "dtype") => Self::Dtype,
            ("numpy._core.multiarray" | "numpy.core.multiarray", "_reconstruct") => {
                Self::Reconstruct
            }
            ("numpy._core.numeric" | "numpy.core.numeric", "_frombuffer") => Self::FromBuffer,
            ("numpy._core.multiarray" | "numpy.core.multiarray", "scalar") => Self::Scalar,
            ("_codecs", "encode") => Self::Encode,
            ("joblib.numpy_pickle", "NumpyArrayWrapper") => Self::ArrayWrapper,
            _ => return None,
        })
    }
}

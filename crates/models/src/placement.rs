use kernels::{Isa, Precision};

/// With which numbers and instructions a model runs. Layers read it once, when they are made.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Of the matrix products. They are added up in f32 either way.
    pub precision: Precision,
    /// The processor's instructions to use.
    pub isa: Isa,
}

impl Placement {
    /// With the best instructions of this processor.
    #[must_use]
    pub fn new(precision: Precision) -> Self {
        Self {
            precision,
            isa: Isa::detect(),
        }
    }
}
